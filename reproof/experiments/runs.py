"""The runs of a paper: typed settings, parts named by hashes, and checks that no schema can make."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from reproof import registry
from reproof.declarations.criteria import reads_gradient
from reproof.experiments.configuration import describe_unknown
from reproof.experiments.controls_and_evaluations import Control, Evaluation
from reproof.experiments.options import Problem, find_option_problems, make_exact_options, read_signature
from reproof.provenance.identity import make_run_name
from reproof.settings import (
    PIXELS,
    DataSettings,
    InitialisationSettings,
    PruningSettings,
    TrainingSettings,
    split_dataset_name,
)

MOST_NETWORKS = 100_000  # of one run; a plan lists the jobs of all


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
    seeds_a_job: int = 0  # 0: as many as the scale says
    controls: dict[str, Control] = field(default_factory=dict)
    evaluations: dict[str, Evaluation] = field(default_factory=dict)

    @classmethod
    def of(cls, key: str, mapping: Mapping[str, Any], *, cifar10_copy: str = "original") -> "Run":
        """Make from the (valid) mapping of one run.

        The JPEG copy of CIFAR-10 is a data set of its own, and so is any whose pixels are not standardised.
        """
        data = dict(mapping["dataset"])
        if data["name"] == "cifar10" and cifar10_copy == "jpeg":
            data["name"] = "cifar10_jpeg"
        data["name"] += PIXELS[data.pop("pixels", "standardised")]
        levels, network = mapping.get("levels", 0), mapping["network"]
        return cls(
            key=key,
            title=mapping.get("title", key),
            dataset=DataSettings.parse(data),
            network=make_exact_options(network, ("networks", "network", network["name"])),
            initialisation=InitialisationSettings.parse(mapping["initialisation"]),
            training=TrainingSettings.parse(mapping["training"]),
            pruning=PruningSettings.parse(mapping.get("pruning", {})),
            levels=levels,
            seeds=mapping["seeds"],
            seeds_a_job=mapping.get("seeds_a_job", 0),
            controls={arm: Control.of(arm, one, levels) for arm, one in mapping.get("controls", {}).items()},
            evaluations={name: Evaluation.of(name, one) for name, one in mapping.get("evaluations", {}).items()},
        )

    @cached_property
    def identity(self) -> dict[str, Any]:
        """All that the dense network depends on, defaults left out."""
        usual = read_signature("networks", "network", self.network["name"]).defaults
        return {
            "dataset": self.dataset.drop_defaults(),
            "network": {key: value for key, value in self.network.items() if key not in usual or value != usual[key]},
            "initialisation": self.initialisation.drop_defaults(),
            "training": self.training.drop_defaults(),
        }

    @cached_property
    def dense(self) -> str:
        """Name of the dense run."""
        return make_run_name(self._label, self.identity)

    @cached_property
    def tickets(self) -> str:
        """Name of the ticket run: its hash includes the dense run's."""
        return make_run_name(self._label, {"dense": self.dense, "pruning": self.pruning.drop_defaults()})

    def control(self, arm: str) -> str:
        """Name of a control's run: its hash includes the ticket run's."""
        control = self.controls[arm]
        return make_run_name(
            f"{arm}-{self._label}", {"tickets": self.tickets, "control": control.kind, "options": control.options}
        )

    def evaluation(self, name: str) -> str:
        """Name of an evaluation's results: its hash includes the ticket run's."""
        return make_run_name(f"{name}-{self._label}", {"tickets": self.tickets} | self.evaluations[name].identity)

    @property
    def snapshots(self) -> set[int]:
        """Points of the dense training, in steps, that evaluations read; the end is kept anyway."""
        return {step for one in self.evaluations.values() for step in one.steps if step < self.training.steps}

    @property
    def reads_gradient(self) -> bool:
        """True if a mask criterion of its tickets or evaluations reads the gradient at the initial weights."""
        named = [by for one in self.evaluations.values() for by in one.options.get("criteria", ())]
        return any(map(reads_gradient, [*named, *([self.pruning.by] if self.levels else [])]))

    @property
    def inputs(self) -> str:
        """What decides how pixels become the network's inputs: the data set alone if its statistics enter."""
        _, pixels = split_dataset_name(self.dataset.name)
        return PIXELS[pixels] or self.dataset.name

    @property
    def _label(self) -> str:
        return f"{self.network['name']}-{self.dataset.name}"

    def find_problems(self) -> Iterator[Problem]:
        """Yield the errors that no schema detects: unknown names, levels beyond the ladder, steps after the end."""
        yield from self._names()
        yield from self._pruning()
        networks = self.seeds * (1 + self.levels + sum(one.draws * len(one.levels) for one in self.controls.values()))
        if networks > MOST_NETWORKS:
            yield (
                "seeds",
                f"the run trains {networks:,} networks, more than {MOST_NETWORKS:,}; lower seeds, levels, draws",
            )
        for arm, control in self.controls.items():
            yield from control.find_problems(f"controls.{arm}", self.levels)
        training = self.training
        for name, one in self.evaluations.items():
            yield from one.find_problems(f"evaluations.{name}", levels=self.levels, steps=training.steps)
        if training.momentum and training.optimizer != "sgd":
            yield "training.momentum", f"{training.optimizer} has no momentum here; leave it out"
        if any(step >= training.steps for step in training.decay_at):
            yield "training.decay_at", f"{max(training.decay_at)} is after the end; training.steps is {training.steps}"
        if training.warmup > training.steps:
            yield "training.warmup", f"{training.warmup} is after the end; training.steps is {training.steps}"
        if training.test_every % training.validate_every:
            yield "training.test_every", f"{training.test_every} is no multiple of {training.validate_every}"

    def _names(self) -> Iterator[Problem]:
        sources, networks = registry.list_registered("data", "source"), registry.list_registered("networks", "network")
        if (source := split_dataset_name(self.dataset.name)[0]) not in sources:
            yield "dataset.name", describe_unknown(source, sources)
        if self.network["name"] not in networks:
            yield "network.name", describe_unknown(self.network["name"], networks)
            return
        given = {key: value for key, value in self.network.items() if key != "name"}
        yield from find_option_problems("network", given, ("networks", "network", self.network["name"]))

    def _pruning(self) -> Iterator[Problem]:
        pruning, criteria = self.pruning, registry.list_registered("pruning", "criterion")
        if pruning.by not in criteria:
            yield "pruning.by", describe_unknown(pruning.by, criteria)
        if self.levels and bool(pruning.share) == bool(pruning.one_shot):
            yield "pruning", "give either share (iterative) or one_shot (one entry a level)"
        if pruning.one_shot and self.levels > len(pruning.one_shot):
            yield "levels", f"{self.levels} is beyond the ladder; pruning.one_shot has {len(pruning.one_shot)} entries"
        if pruning.rewind >= self.training.steps:
            yield "pruning.rewind", f"{pruning.rewind} is after the end; training.steps is {self.training.steps}"
        every = [*pruning.one_shot, *([pruning.share] if pruning.share else [])]
        if pruning.scope == "global" and any(len(set(shares.values())) > 1 for shares in every):
            yield "pruning.share", "the shares of a global ranking must be equal; use scope: layer for different ones"


def add_victims(run: Run, runs: Mapping[str, Run]) -> Run:
    """Return the run with the settings of all victims in its evaluations."""
    known = {key: one.identity | {"dense": one.dense} for key, one in runs.items()}
    return replace(run, evaluations={name: one.add_victims(known) for name, one in run.evaluations.items()})
