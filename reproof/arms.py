"""What a run is measured by beside its own training: controls, trained beside the ticket, and evaluations."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from reproof import catalogue
from reproof.configuration import unknown
from reproof.options import Problem, option_problems, signature
from reproof.provenance import Registered

CONTROL_KEYS = ("control", "draws", "levels")
EVALUATION_KEYS = ("measure", "levels", "controls", "as_run", "as_arm")
NAMING = {"criteria": ("pruning", "criterion"), "actions": ("pruning", "mask_zero")}  # options that name functions


@dataclass(frozen=True)
class Control:
    """One arm beside the ticket: which control with which options, how many draws, at which levels."""

    arm: str
    kind: str
    options: dict[str, Any]
    draws: int
    levels: tuple[int, ...]

    @classmethod
    def of(cls, arm: str, mapping: Mapping[str, Any], levels: int) -> "Control":
        """Make from the configuration of one arm of a run with this many levels."""
        options = {key: value for key, value in mapping.items() if key not in CONTROL_KEYS}
        chosen = tuple(mapping.get("levels", range(1, levels + 1)))
        return cls(arm, mapping.get("control", arm), options, mapping.get("draws", 1), chosen)

    def problems(self, at: str, levels: int) -> Iterator[Problem]:
        """Yield what a schema cannot see: an unknown control or option, a level beyond the ladder."""
        known = catalogue.registered("pruning", "control")
        if self.kind not in known:
            yield f"{at}.control" if self.kind != self.arm else at, unknown(self.kind, known)
            return
        yield from option_problems(at, self.options, ("pruning", "control", self.kind), ("draws", "levels"))
        yield from _beyond(at, self.levels, levels, lowest=1)


@dataclass(frozen=True)
class Evaluation:
    """What an operation measures of a run's networks, at which levels (0: dense); `controls` are broken beside them.

    `as_run` is the run of the paper under whose name the measurements stand, if it is not their own: runs that differ
    in their rewind point alone are points of one curve along it. `as_arm` names the arm that tickets stand as, where
    the options make of them something else. An option called `steps` names points of the dense
    training, in steps, whose weights the operation reads.
    """

    name: str
    operation: str
    options: dict[str, Any]
    levels: tuple[int, ...]
    controls: dict[str, Control] = field(default_factory=dict)
    as_run: str = ""
    as_arm: str = ""

    @classmethod
    def of(cls, name: str, mapping: Mapping[str, Any]) -> "Evaluation":
        """Make from the configuration of one evaluation of a run."""
        options = {key: value for key, value in mapping.items() if key not in EVALUATION_KEYS}
        controls = {arm: Control.of(arm, one, 0) for arm, one in mapping.get("controls", {}).items()}
        levels = tuple(mapping.get("levels", (0,)))
        shown = {key: mapping.get(key, "") for key in ("as_run", "as_arm")}
        return cls(name, mapping["measure"], options, levels, controls, **shown)

    @property
    def steps(self) -> tuple[int, ...]:
        """Points of the dense training that it reads, in steps."""
        return tuple(self.options.get("steps", ()))

    @property
    def picked(self) -> list[Registered]:
        """The functions that it picks by name: controls, and what options like `criteria` name."""
        kinds = [("pruning", "control", control.kind) for control in self.controls.values()]
        named = [(*which, name) for option, which in NAMING.items() for name in self.options.get(option, ())]
        return [*kinds, *named]

    def stated(self) -> dict[str, Any]:
        """Return what its results depend on, beside the networks and the levels, as plain values."""
        usual = signature("jobs", "operation", self.operation).defaults
        options = {
            key: value for key, value in self.options.items() if key not in usual or not _same(value, usual[key])
        }
        kinds = {arm: {"control": one.kind, "options": one.options} for arm, one in self.controls.items()}
        return {"operation": self.operation, "options": options, "controls": kinds}

    def problems(self, at: str, *, levels: int, steps: int) -> Iterator[Problem]:
        """Yield what a schema cannot see, in a run with this many levels and steps of training."""
        known = catalogue.registered("jobs", "operation")
        if self.operation not in known:
            yield f"{at}.measure", unknown(self.operation, known)
            return
        yield from option_problems(at, self.options, ("jobs", "operation", self.operation), EVALUATION_KEYS)
        for option, which in NAMING.items():
            for name in self.options.get(option, ()):
                if name not in catalogue.registered(*which):
                    yield f"{at}.{option}", unknown(name, catalogue.registered(*which))
        yield from _beyond(at, self.levels, levels, lowest=0)
        if any(step > steps for step in self.steps):
            yield f"{at}.steps", f"{max(self.steps)} is after the end; training.steps is {steps}"
        for arm, control in self.controls.items():
            yield from control.problems(f"{at}.controls.{arm}", levels)


def _same(value: Any, usual: Any) -> bool:
    return bool((tuple(value) if isinstance(value, list) else value) == usual)


def _beyond(at: str, chosen: tuple[int, ...], levels: int, *, lowest: int) -> Iterator[Problem]:
    beyond = [level for level in chosen if level > levels]
    if beyond:
        yield f"{at}.levels", f"{beyond[0]} is beyond the ladder; the run has levels {lowest} to {levels}"
