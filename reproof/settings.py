"""Settings of a run as frozen values, with their defaults; importable without torch."""

from dataclasses import asdict, dataclass, fields
from typing import Any, Self

# Renamed operations. Results keep the old names, because these are part of the settings that name a run and of the
# paths under results/. New names in results would invalidate every published table.
STORED_AS = {
    "unit_selectivity": "excite",
    "lipschitz": "bound",
    "minimum_distortion": "distort",
    "adversarial_training": "harden",
}


def get_stored_name(operation: str) -> str:
    """Return the name of an operation in results."""
    return STORED_AS.get(operation, operation)


def find_operation(name: str) -> str:
    """Return the operation with this name in results: the inverse of `get_stored_name`."""
    return next((operation for operation, stored in STORED_AS.items() if stored == name), name)


# How pixels become inputs -> the suffix of the data set's name. "standardised": each channel less its mean, over its
# deviation. "unit": in [0, 1]. "unit_norm": each image divided by its Euclidean norm.
PIXELS = {"standardised": "", "unit": "_unit", "unit_norm": "_unit_norm"}
# Classes of a data set for which nothing else is said where claims are judged.
USUAL_CLASSES = 10


def split_dataset_name(dataset: str) -> tuple[str, str]:
    """Return the fetched data set behind `dataset`, and a key of PIXELS.

    >>> split_dataset_name("mnist"), split_dataset_name("mnist_unit_norm")
    (('mnist', 'standardised'), ('mnist', 'unit_norm'))
    """
    for pixels, suffix in reversed(PIXELS.items()):
        if dataset.endswith(suffix):
            return dataset.removesuffix(suffix), pixels
    raise AssertionError  # the suffix of "standardised" is empty


def _make_exact(value: Any, decimal: bool) -> Any:
    # YAML gives lists; frozen settings hold tuples, which can be hashed and cannot change.
    if isinstance(value, list):
        return tuple(value)
    return float(value) if decimal and isinstance(value, int) else value


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Base of all settings: read from a mapping, written without the values that equal their defaults.

    A run's name is a hash of its settings. Without defaults in it, a new setting with a default renames no run.
    """

    @classmethod
    def parse(cls, mapping: dict[str, Any]) -> Self:
        """Return the settings in a mapping of plain values; raise TypeError for an unknown key.

        Lists become tuples, and integers become floats where the field is a float: 1 and 1.0 name one run.
        """
        decimal = {field.name for field in fields(cls) if field.type is float}
        return cls(**{key: _make_exact(value, key in decimal) for key, value in mapping.items()})

    def drop_defaults(self) -> dict[str, Any]:
        """Return {key: plain value} of the settings that differ from their defaults."""
        # A required setting has the default MISSING, which equals no value, so it is never dropped.
        usual = {field.name: field.default for field in fields(self)}
        return {key: value for key, value in asdict(self).items() if value != usual[key]}


@dataclass(frozen=True, kw_only=True)
class DataSettings(Settings):
    """The data set and its split: `validation` examples are drawn at random from the training set by `split_seed`."""

    name: str
    validation: int = 0
    split_seed: int = 0


@dataclass(frozen=True, kw_only=True)
class InitialisationSettings(Settings):
    """The initial distribution of the weights."""

    scheme: str
    batch_norm_scale: str = "one"


@dataclass(frozen=True, kw_only=True)
class TrainingSettings(Settings):
    """The training of one network. Budgets, `decay_at` and `warmup` are in steps; rates are per step."""

    optimizer: str
    lr: float
    batch: int
    steps: int
    momentum: float = 0.0
    weight_decay: float = 0.0
    decay_at: tuple[int, ...] = ()  # steps
    decay_factor: float = 0.1
    warmup: int = 0
    augment: str = "none"
    validate_every: int = 100  # steps; early stopping is found among these
    test_every: int = 1000


@dataclass(frozen=True, kw_only=True)
class PruningSettings(Settings):
    """The pruning of a run: the share per kind of layer, the criterion `by`, and the `scope` (one layer or all).

    Iterative pruning removes `share` of the remaining weights in each round; one-shot pruning removes the
    shares `one_shot[n - 1]` of all weights at once to make level n.
    """

    by: str = "large_final"
    scope: str = "layer"
    # {kind of layer: share}; a kind that is left out is not pruned.
    share: dict[str, float] | None = None
    one_shot: tuple[dict[str, float], ...] = ()
    rewind: int = 0  # steps; 0 is initialisation
    reset: str = "each_round"  # or "at_end": resetting strategies 1 and 2 of Frankle & Carbin 2019, appendix B

    def get_share(self, level: int) -> dict[str, float]:
        """Return the share of the remaining weights that the round leading to `level` removes, by kind of layer."""
        return self.one_shot[level - 1] if self.one_shot else dict(self.share or {})

    def find_pruned_level(self, level: int) -> int:
        """Return the level whose trained weights decide the mask of `level`: the last one, or the dense network."""
        return 0 if self.one_shot else level - 1
