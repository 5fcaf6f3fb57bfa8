"""Settings of a run as frozen values, with their defaults; importable without torch."""

from dataclasses import asdict, dataclass, fields
from typing import Any, Self

# Operations that have been renamed. Results keep the old names: they are part of the settings that name a run, and of
# the paths under results/.
STORED_AS = {
    "unit_selectivity": "excite",
    "lipschitz": "bound",
    "minimum_distortion": "distort",
    "adversarial_training": "harden",
}


def get_stored_name(operation: str) -> str:
    """Return how results call an operation."""
    return STORED_AS.get(operation, operation)


def find_operation(name: str) -> str:
    """Return the operation that results call by this name: the inverse of `stored_name`."""
    return next((operation for operation, stored in STORED_AS.items() if stored == name), name)


UNIT_PIXELS = "_unit"  # at the end of a data set's name: its pixels are in [0, 1], not standardised


def get_source_name(dataset: str) -> str:
    """Return the name of the fetched data set that one with pixels in [0, 1] is made of; of any other, its own."""
    return dataset.removesuffix(UNIT_PIXELS)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Base of all settings: made from a mapping, and written back without what equals its default.

    Leaving defaults out means that a new setting whose default is "as before" renames no run.
    """

    @classmethod
    def parse(cls, mapping: dict[str, Any]) -> Self:
        """Make from a mapping of plain values; lists become tuples."""
        return cls(**{key: tuple(value) if isinstance(value, list) else value for key, value in mapping.items()})

    def drop_defaults(self) -> dict[str, Any]:
        """Return the settings that differ from their defaults, as plain values."""
        usual = {field.name: field.default for field in fields(self)}
        return {key: value for key, value in asdict(self).items() if value != usual[key]}


@dataclass(frozen=True, kw_only=True)
class DataSettings(Settings):
    """Which data, and how it is split. `validation` examples are drawn at random from the training set."""

    name: str
    validation: int = 0
    split_seed: int = 0


@dataclass(frozen=True, kw_only=True)
class InitialisationSettings(Settings):
    """How weights are drawn before training."""

    scheme: str
    batch_norm_scale: str = "one"


@dataclass(frozen=True, kw_only=True)
class TrainingSettings(Settings):
    """How one network is trained: budgets in steps, rates per step, `decay_at` and `warmup` in steps."""

    optimizer: str
    lr: float
    batch: int
    steps: int
    momentum: float = 0.0
    weight_decay: float = 0.0
    decay_at: tuple[int, ...] = ()
    decay_factor: float = 0.1
    warmup: int = 0
    augment: str = "none"
    validate_every: int = 100
    test_every: int = 1000


@dataclass(frozen=True, kw_only=True)
class PruningSettings(Settings):
    """How weights are removed: shares per kind of layer, by which criterion, within a layer or over all of them.

    Iterative pruning removes `share` of the remaining weights in each round; one-shot pruning removes the
    shares `one_shot[n - 1]` of all weights at once to make level n.
    """

    by: str = "large_final"
    scope: str = "layer"
    share: dict[str, float] | None = None
    one_shot: tuple[dict[str, float], ...] = ()
    rewind: int = 0
    reset: str = "each_round"

    def get_share(self, level: int) -> dict[str, float]:
        """Return the share of the remaining weights that the round leading to `level` removes, by kind of layer."""
        return self.one_shot[level - 1] if self.one_shot else dict(self.share or {})

    def find_pruned_level(self, level: int) -> int:
        """Return the level whose trained weights decide the mask of `level`: the last one, or the dense network."""
        return 0 if self.one_shot else level - 1
