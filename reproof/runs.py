"""The runs of a paper: settings typed, parts named by hashes, checked for what a schema cannot see."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from reproof import catalogue
from reproof.configuration import no_number, unknown
from reproof.provenance import run_name
from reproof.settings import DataSettings, InitialisationSettings, PruningSettings, TrainingSettings

Problem = tuple[str, str]  # (key below the run, what is wrong)
FACTORY_ARGUMENTS = {"input_shape", "classes"}


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
        known = {"control", "draws", "levels"}
        options = {key: value for key, value in mapping.items() if key not in known}
        chosen = tuple(mapping.get("levels", range(1, levels + 1)))
        return cls(arm, mapping.get("control", arm), options, mapping.get("draws", 1), chosen)


@dataclass(frozen=True)
class Run:
    """One run of a paper's file. `dense`, `tickets` and `control(arm)` are the names of its parts in results/."""

    key: str
    title: str
    dataset: DataSettings
    network: dict[str, Any]
    initialisation: InitialisationSettings
    training: TrainingSettings
    pruning: PruningSettings
    levels: int
    seeds: int
    controls: dict[str, Control] = field(default_factory=dict)

    @classmethod
    def of(cls, key: str, mapping: Mapping[str, Any], *, cifar10_copy: str = "original") -> "Run":
        """Make from the (valid) mapping of one run; the JPEG copy of CIFAR-10 is a data set of its own."""
        data = dict(mapping["dataset"])
        if data["name"] == "cifar10" and cifar10_copy == "jpeg":
            data["name"] = "cifar10_jpeg"
        levels = mapping["levels"]
        return cls(
            key=key,
            title=mapping.get("title", key),
            dataset=DataSettings.of(data),
            network=dict(mapping["network"]),
            initialisation=InitialisationSettings.of(mapping["initialisation"]),
            training=TrainingSettings.of(mapping["training"]),
            pruning=PruningSettings.of(mapping["pruning"]),
            levels=levels,
            seeds=mapping["seeds"],
            controls={arm: Control.of(arm, one, levels) for arm, one in mapping.get("controls", {}).items()},
        )

    @cached_property
    def identity(self) -> dict[str, Any]:
        """All that the dense network depends on, defaults left out."""
        usual = catalogue.defaults("networks", "network", self.network["name"])
        return {
            "dataset": self.dataset.stated(),
            "network": {key: value for key, value in self.network.items() if key not in usual or value != usual[key]},
            "initialisation": self.initialisation.stated(),
            "training": self.training.stated(),
        }

    @cached_property
    def dense(self) -> str:
        """Name of the dense run."""
        return run_name(self._label, self.identity)

    @cached_property
    def tickets(self) -> str:
        """Name of the ticket run: its hash includes the dense run's."""
        return run_name(self._label, {"dense": self.dense, "pruning": self.pruning.stated()})

    def control(self, arm: str) -> str:
        """Name of a control's run: its hash includes the ticket run's."""
        control = self.controls[arm]
        return run_name(
            f"{arm}-{self._label}", {"tickets": self.tickets, "control": control.kind, "options": control.options}
        )

    @property
    def _label(self) -> str:
        return f"{self.network['name']}-{self.dataset.name}"

    def problems(self) -> Iterator[Problem]:
        """Yield what a schema cannot see: unknown names, levels beyond the ladder, steps after the end."""
        yield from self._names()
        yield from self._pruning()
        for arm, control in self.controls.items():
            yield from _control_problems(f"controls.{arm}", control, self.levels)
        training = self.training
        if any(step >= training.steps for step in training.decay_at):
            yield "training.decay_at", f"{max(training.decay_at)} is after the end; training.steps is {training.steps}"
        if training.warmup > training.steps:
            yield "training.warmup", f"{training.warmup} is after the end; training.steps is {training.steps}"
        if training.test_every % training.validate_every:
            yield "training.test_every", f"{training.test_every} is no multiple of {training.validate_every}"

    def _names(self) -> Iterator[Problem]:
        sources, networks = catalogue.registered("data", "source"), catalogue.registered("networks", "network")
        if self.dataset.name not in sources:
            yield "dataset.name", unknown(self.dataset.name, sources)
        if self.network["name"] not in networks:
            yield "network.name", unknown(self.network["name"], networks)
            return
        given = {key: value for key, value in self.network.items() if key != "name"}
        yield from _option_problems("network", given, ("networks", "network", self.network["name"]))

    def _pruning(self) -> Iterator[Problem]:
        pruning, criteria = self.pruning, catalogue.registered("pruning", "criterion")
        if pruning.by not in criteria:
            yield "pruning.by", unknown(pruning.by, criteria)
        if self.levels and bool(pruning.share) == bool(pruning.one_shot):
            yield "pruning", "give either share (iterative) or one_shot (one entry a level)"
        if pruning.one_shot and self.levels > len(pruning.one_shot):
            yield "levels", f"{self.levels} is beyond the ladder; pruning.one_shot has {len(pruning.one_shot)} entries"
        if pruning.rewind >= self.training.steps:
            yield "pruning.rewind", f"{pruning.rewind} is after the end; training.steps is {self.training.steps}"
        every = [*pruning.one_shot, *([pruning.share] if pruning.share else [])]
        if pruning.scope == "global" and any(len(set(shares.values())) > 1 for shares in every):
            yield "pruning.share", "the shares of a global ranking must be equal; use scope: layer for different ones"


def _option_problems(
    at: str, given: Mapping[str, Any], which: tuple[str, str, str], besides: tuple[str, ...] = ()
) -> Iterator[Problem]:
    """Yield what is wrong with the options of a registered function: unknown, missing, or text for a number."""
    options = set(catalogue.options(*which)) - FACTORY_ARGUMENTS
    for key in sorted(set(given) - options):
        yield f"{at}.{key}", unknown(key, (*sorted(options), *besides))
    for key in sorted(options - set(given) - set(catalogue.defaults(*which))):
        yield f"{at}.{key}", f"is missing; {which[2]} needs it"
    for key in sorted(catalogue.numeric(*which) & set(given)):
        if isinstance(given[key], str | bool) or not isinstance(given[key], int | float):
            yield f"{at}.{key}", no_number(given[key])


def _control_problems(at: str, control: Control, levels: int) -> Iterator[Problem]:
    known = catalogue.registered("pruning", "control")
    if control.kind not in known:
        yield f"{at}.control" if control.kind != control.arm else at, unknown(control.kind, known)
        return
    yield from _option_problems(at, control.options, ("pruning", "control", control.kind), ("draws", "levels"))
    beyond = [level for level in control.levels if level > levels]
    if beyond:
        yield f"{at}.levels", f"{beyond[0]} is beyond the ladder; the run has levels 1 to {levels}"
