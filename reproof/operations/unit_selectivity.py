"""Compare images that excite single units most with those of random directions, trained and untrained."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from reproof.data.dataset import Split
from reproof.declarations.costs import Settings, Work
from reproof.metrics import PIXELS, SHARE, Metric
from reproof.operations.common.subject import Row, Rows, Subject, convert_to_tensors, list_pixels, operation
from reproof.representations.features import compute_features
from reproof.representations.purity import compute_class_purity, compute_compactness, run_permutation_test
from reproof.representations.units import (
    draw_random_directions,
    draw_unit_vectors,
    find_active,
    find_most_excited,
    standardise_features,
)
from reproof.seeding import derive
from reproof.storage.checkpoints import Weights
from reproof.storage.files import ReproofError
from reproof.training.evaluate import BATCH

METRICS = (  # `part` is "trained" or "untrained"; of pixels "{that}/{unit or direction}/{which}/{rank}"
    Metric("units_purity", SHARE, words="purity of the images that excite units"),
    Metric("units_compactness", words="compactness of the images that excite units"),
    Metric("directions_purity", SHARE, words="purity of the images that excite random directions"),
    Metric("directions_compactness", words="compactness of the images that excite random directions"),
    Metric("purity_difference", SHARE, words="purity of units less that of random directions"),
    Metric("compactness_difference", words="compactness of units less that of random directions"),
    Metric("purity_p_value", words="p of units being as pure as random directions"),
    Metric("compactness_p_value", words="p of units being as compact as random directions"),
    Metric("exciting_pixel", PIXELS, axis="pixel", words="images that excite most"),
)


def compute_unit_selectivity_work(settings: Settings) -> Work:
    """Return a constant of a few seconds, by experience."""
    return Work(seconds=5)


@operation(metrics=METRICS, cost=compute_unit_selectivity_work)
def unit_selectivity(
    subject: Subject,
    *,
    split: str = "test",
    layer: str = "",
    top: int = 8,
    directions: int = 100,
    random_sets: int = 200,
    permutations: int = 2000,
    pictures: int = 4,
    standardise: bool = True,
) -> Rows:
    """Compare the meaning of units with that of random directions (Szegedy et al. 2014, section 3).

    phi(x) is the output of `layer`, by default of the last hidden activation. With `standardise`, all units have equal
    mean and spread. For each of `directions` random directions, and of equally many units (or all, if fewer), the `top`
    images of the split that excite it most are found. The paper compares these images by eye; here purity is the share
    of their most frequent class. Compactness is the mean distance of their pixels, divided by that of `random_sets`
    random sets of images. p belongs to the difference, units less directions, with `permutations` shuffles.

    `part` is "trained" or, as the control, "untrained": the same network at step 0. Of the first seed, the images of
    the first `pictures` units and directions are in the table, one row per pixel.
    """
    shown, (starts, ends) = _select_split(subject, split, top), subject.read_dense("step0", "final")
    for part, states in (("trained", ends), ("untrained", starts)):
        for seed, state in zip(subject.seeds, states, strict=True):
            chance = _Chance(seed, part)
            phi = _compute_features(subject, state, shown, layer)
            vectors = _draw_vectors(phi, directions, chance)
            # Over raw features, the few most active units would dominate every random direction.
            made = standardise_features(phi) if standardise else phi
            found = {who: find_most_excited(made, each, k=top) for who, each in vectors.items()}
            measured = _measure_in_common(shown, found, random_sets, chance)
            rows = [{"part": part} | row for row in _compare(measured, permutations, chance)]
            # A picture is a row per pixel, so one seed must do.
            drawn = _list_pictures(shown.images, found, pictures, part) if seed == subject.seeds[0] else ()
            yield from (subject.make_columns(0, seed) | row for row in (*rows, *drawn))


@dataclass(frozen=True)
class _Chance:
    """Random generators of one network, one per purpose."""

    seed: int
    part: str

    def make_generator(self, what: str) -> torch.Generator:
        # "excite" is the operation's old name: it is a part of the seed, and another word would change all results.
        return torch.Generator().manual_seed(derive("excite", self.seed, self.part, what))

    @property
    def sets(self) -> torch.Generator:
        """The generator of random sets, the same for the trained and the untrained network to be comparable."""
        return torch.Generator().manual_seed(derive("excite", self.seed, "random sets"))


def _select_split(subject: Subject, split: str, top: int) -> Split:
    """Return the split; raise ReproofError for levels of tickets, or fewer than `top` images."""
    if subject.levels != [0]:
        raise ReproofError("evaluations: unit_selectivity measures dense networks alone; leave `levels` out")
    found: Split = getattr(subject.job.dataset, split)
    if len(found) < top:
        raise ReproofError(
            f"evaluations: unit_selectivity needs `top` images, {top}; the {split} split has {len(found)}"
        )
    return found


def _compute_features(subject: Subject, state: Weights, shown: Split, layer: str) -> Tensor:
    """Return phi(x) of all images of the split: float32 [N, D] on the device."""
    module = subject.job.build_network()
    module.load_state_dict(convert_to_tensors(state))
    batches = (subject.job.dataset.normalise(images) for images in torch.split(shown.images, BATCH))
    return compute_features(module.to(subject.job.device), batches, layer=layer)


def _draw_vectors(phi: Tensor, directions: int, chance: _Chance) -> dict[str, Tensor]:
    """Return unit vectors [at most directions, D] and random directions [directions, D] of the active units."""
    # A dead unit has no images that excite it most, and ties would select the first ones.
    units, dimension = find_active(phi), phi.shape[1]
    if not len(units):
        raise ReproofError(
            "evaluations: unit_selectivity needs a layer with units that differ between images; this has none"
        )
    # Units are drawn without replacement, so there may be fewer of them than directions.
    count = min(directions, len(units))
    return {
        "unit": draw_unit_vectors(count, units, dimension=dimension, generator=chance.make_generator("units")),
        "direction": draw_random_directions(
            directions, units, dimension=dimension, generator=chance.make_generator("directions")
        ),
    }


def _measure_in_common(
    shown: Split, found: Mapping[str, Tensor], random_sets: int, chance: _Chance
) -> dict[str, dict[str, Tensor]]:
    """Return {measure: {"unit" or "direction": float64 [n]}}; `found` holds indices of images [n, top]."""
    # `chance.sets` is a new generator at each access: units and directions are compared with the same random sets.
    pixels = shown.images.flatten(1)  # bytes, not shares: the scale of the distances cancels out
    return {
        "purity": {who: compute_class_purity(shown.labels[images]) for who, images in found.items()},
        "compactness": {
            who: compute_compactness(pixels, images, random_sets=random_sets, generator=chance.sets)
            for who, images in found.items()
        },
    }


def _compare(measured: Mapping[str, Mapping[str, Tensor]], permutations: int, chance: _Chance) -> Iterator[Row]:
    """Yield the means of each measure over units and over directions, their difference and its p value."""
    for what, values in measured.items():
        yield from ({"metric": f"{who}s_{what}", "value": each.mean().item()} for who, each in values.items())
        difference = run_permutation_test(
            values["unit"], values["direction"], permutations=permutations, generator=chance.make_generator(what)
        )
        yield {"metric": f"{what}_difference", "value": difference.mean}
        yield {"metric": f"{what}_p_value", "value": difference.p}


def _list_pictures(images: Tensor, found: Mapping[str, Tensor], pictures: int, part: str) -> Iterator[Row]:
    """Yield the pixels, in [0, 1], of the images (uint8 [N, C, H, W]) that excite the first units and directions."""
    for who, sets in found.items():
        for which, chosen in enumerate(sets[:pictures].tolist()):
            for rank, image in enumerate(chosen):
                place = {"part": f"{part}/{who}/{which}/{rank}", "metric": "exciting_pixel"}
                pixels = list_pixels(images[image].double() / 255)
                yield from (place | {"at": at, "value": value} for at, value in pixels)
