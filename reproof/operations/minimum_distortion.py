"""Find the least distortion that fools a network, and test whether it fools other networks as well."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from reproof.attacks import least_distortion
from reproof.attacks.attack import Adversarial, Aim, draw_targets
from reproof.attacks.distortion import Transfer, add_gaussian_noise, amplify, compute_distortion, measure_transfer
from reproof.attacks.victim import Victim
from reproof.declarations.costs import PASSES, Settings, Work
from reproof.metrics import PIXELS, SHARE, Metric
from reproof.operations.attack import make_victim, select_examples
from reproof.operations.common.subject import Row, Rows, Subject, convert_to_tensors, operation
from reproof.seeding import derive
from reproof.storage.files import ReproofError

SPLITS = ("train", "validation", "test")
METRICS = (  # `part` is the run whose network classifies the examples; `attack` declares the number of images
    Metric("{split}_clean_error", SHARE, words="error without attack", splits=SPLITS),
    Metric(
        "{split}_minimum_distortion", PIXELS,
        words="least distortion (RMS of a pixel)", sentence="least distortion", splits=SPLITS,
    ),
    Metric("{split}_distorted_share", SHARE, words="share of images that can be distorted", splits=SPLITS),
    Metric("{split}_noise_error", SHARE, axis="deviation", words="error with noise", splits=SPLITS),
    Metric("{split}_transfer_error", SHARE, words="error on the examples made", splits=SPLITS),
    Metric(
        "{split}_transfer_clean_error", SHARE, words="error on the images that examples were made of", splits=SPLITS
    ),
    Metric(
        "{split}_transfer_noise_error", SHARE, words="error with noise as large as the examples'", splits=SPLITS
    ),
    Metric("{split}_transfer_amplified_error", SHARE, words="error on the examples made, amplified", splits=SPLITS),
    Metric(
        "{split}_transfer_excess_error", SHARE,
        words="error on the examples made beyond that with noise", splits=SPLITS,
    ),
)  # fmt: skip


def compute_minimum_distortion_work(settings: Settings) -> Work:
    """Return the work of the search for least distortions: a gradient per iteration and value of c."""
    options = settings["options"]
    searched = int(options.get("searches", 10)) * int(options.get("iterations", 100)) * PASSES
    return Work(passes=searched * int(options.get("examples", 256)) * len(settings["seeds"]))


@operation(metrics=METRICS, cost=compute_minimum_distortion_work)
def minimum_distortion(
    subject: Subject,
    *,
    victims: Sequence[str] = (),
    examples: int = 256,
    split: str = "train",
    penalty: str = "squared",
    searches: int = 10,
    iterations: int = 100,
    noises: Sequence[float] = (0.1, 0.3),
    amplified: float = 0.1,
) -> Rows:
    """Measure least distortions and their transfer (Szegedy et al. 2014, section 4, tables 1 to 4), per seed.

    For each of the first `examples` of `split`, find the least distortion with which the network predicts a wrong class
    drawn at random. A distortion is the root mean square change of a pixel, in [0, 1]; means are over the images with
    success. The networks of the runs `victims` (`part`) classify the distorted images, both unchanged and with
    distortions amplified to `amplified`. For comparison they classify the original images, and these with noise of the
    same size.
    """
    if subject.levels != [0]:
        raise ReproofError("evaluations: minimum_distortion measures dense networks alone; leave `levels` out")
    images, labels = select_examples(subject, split, examples)
    for index, (seed, state) in enumerate(zip(subject.seeds, subject.read_tickets(0), strict=True)):
        own = make_victim(subject, convert_to_tensors(state))
        # "distort" is the operation's old name: it is a part of the seed, and another word would draw other targets.
        generator = torch.Generator().manual_seed(derive("distort", seed))
        shown = _Images(images, labels, generator)
        # Noise first: the order of draws from the one generator is a part of the result.
        rows = [*shown.measure_noise(own, noises)]
        adversarial = shown.find_least_distorted(own, penalty=penalty, searches=searches, iterations=iterations)
        rows += [
            *shown.measure_distortion(adversarial),
            *shown.measure_transfer(subject.load_victims(index), adversarial, amplified),
        ]
        yield from (subject.make_columns(0, seed) | row | {"metric": f"{split}_{row['metric']}"} for row in rows)


@dataclass(frozen=True, eq=False)
class _Images:
    """The original images, float32 [N, C, H, W] in [0, 1], their classes, int64 [N], and the random generator."""

    images: Tensor
    labels: Tensor
    generator: torch.Generator

    def find_least_distorted(self, victim: Victim, *, penalty: str, searches: int, iterations: int) -> Adversarial:
        """Return the least distorted images that the victim assigns to a wrong class, drawn for each image."""
        classes = victim.logits(self.images[:1]).shape[-1]
        aim = Aim(draw_targets(self.labels, classes, generator=self.generator), targeted=True)
        return least_distortion.minimum_distortion(
            victim, self.images, aim,
            generator=self.generator, penalty=penalty, searches=searches, iterations=iterations,
        )  # fmt: skip

    def measure_noise(self, victim: Victim, deviations: Sequence[float]) -> Iterator[Row]:
        """Yield the error of the victim on the original images, and with Gaussian noise that is not clipped."""
        yield {"metric": "clean_error", "value": _compute_error(victim, self.images, self.labels)}
        for deviation in deviations:
            noisy = add_gaussian_noise(self.images, deviation=deviation, generator=self.generator)
            yield {"metric": "noise_error", "at": deviation, "value": _compute_error(victim, noisy, self.labels)}

    def measure_distortion(self, adversarial: Adversarial) -> Iterator[Row]:
        """Yield the number of images, the share of distorted ones, and their mean distortion."""
        sizes = compute_distortion(adversarial.images, self.images).double()
        yield {"metric": "images_attacked", "value": float(len(sizes))}
        yield {"metric": "distorted_share", "value": float(sizes.gt(0).double().mean())}
        # Without any success there is no mean; a missing row is honest where a 0 would not be.
        if bool(sizes.any()):
            yield {"metric": "minimum_distortion", "value": float(sizes[sizes > 0].mean())}

    def measure_transfer(
        self, victims: Mapping[str, Victim], adversarial: Adversarial, amplified: float
    ) -> Iterator[Row]:
        """Yield the errors of the other networks on the distorted images and on the images for comparison."""
        # Without a success there are no examples, and error rates would be NaN.
        if not victims or not bool((adversarial.images != self.images).any()):
            return
        same = self._compute_transfer(victims, adversarial.images)
        further = self._compute_transfer(victims, amplify(adversarial.images, self.images, to=amplified))
        # Only the error beyond both controls is transfer: beyond that without any change, and that with noise as large.
        excess = same.error - torch.maximum(same.noise, same.clean)
        kinds = {"transfer": same.error, "transfer_clean": same.clean, "transfer_noise": same.noise}
        kinds |= {"transfer_excess": excess, "transfer_amplified": further.error}
        for kind, values in kinds.items():
            # Row 0 is the only set of examples, those made for the network of this run.
            for part, value in zip(same.victims, values[0].tolist(), strict=True):
                yield {"metric": f"{kind}_error", "part": part, "value": value}

    def _compute_transfer(self, victims: Mapping[str, Victim], made: Tensor) -> Transfer:
        """Return the error rates of the other networks on the examples made, float32 [N, C, H, W]."""
        return measure_transfer(
            victims, {"own": made}, originals=self.images, labels=self.labels, generator=self.generator
        )


def _compute_error(victim: Victim, images: Tensor, labels: Tensor) -> float:
    """Return the error rate, in [0, 1], on images [N, C, H, W] with true classes int64 [N]."""
    return float(victim.predict(images).ne(labels).double().mean())
