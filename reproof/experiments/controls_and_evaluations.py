"""Controls and evaluations of a run: tickets with one thing broken, and what operations measure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import inf
from typing import Any

from reproof import registry
from reproof.experiments.configuration import describe_unknown
from reproof.experiments.option_types import find_type_problem, make_exact
from reproof.experiments.options import Problem, find_option_problems, make_exact_options, read_signature
from reproof.provenance.identity import Registered
from reproof.settings import find_operation, get_stored_name

CONTROL_KEYS = ("control", "draws", "levels")
EVALUATION_KEYS = ("measure", "levels", "controls", "report_as")
RENAMED_KEYS = {"as_run": "report_as: {run: ...}", "as_arm": "report_as: {arm: ...}"}
NAMING = {"criteria": ("pruning", "criterion"), "actions": ("pruning", "mask_zero")}  # options that name functions
ATTACK = ("attacks", "attack")  # of which the option `attacks` names one for each label, with options of its own
ATTACK_KEYS = {"attack": "str", "targeted": "bool", "epsilons": "Sequence[float]"}  # with their types
LAYERS = ("conv", "fc", "shortcut", "output")  # kinds of layers with prunable weights
FROM_OPERATION = ("generator", "epsilon")  # options of an attack that the operation sets


@dataclass(frozen=True)
class Control:
    """One arm that tickets are compared with: its control, options, number of draws, and levels."""

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
        kind = mapping.get("control", arm)
        options = make_exact_options(options, ("pruning", "control", kind))
        return cls(arm, kind, options, mapping.get("draws", 1), chosen)

    def find_problems(self, at: str, levels: int) -> Iterator[Problem]:
        """Yield the errors that no schema detects: an unknown control or option, a level beyond the ladder."""
        known = registry.list_registered("pruning", "control")
        if self.kind not in known:
            yield f"{at}.control" if self.kind != self.arm else at, describe_unknown(self.kind, known)
            return
        yield from find_option_problems(at, self.options, ("pruning", "control", self.kind), ("draws", "levels"))
        yield from _beyond(at, self.levels, levels, lowest=1)


@dataclass(frozen=True)
class Evaluation:
    """What an operation measures of a run's networks, at which levels (0: dense), and of which `controls` of them.

    The measurements are collected under the name of the run or of another run of the paper, `reported_run`: runs that
    differ only in their rewind point are points of one curve along it. Tickets are collected as `reported_arm`, where
    the options make something else of them. An option called `steps` names points of the dense training, in steps,
    whose weights the operation reads. An option called `victims` names runs of the paper whose dense networks the
    operation reads too; the field `victims` holds their settings.
    """

    name: str
    operation: str
    options: dict[str, Any]
    levels: tuple[int, ...]
    controls: dict[str, Control] = field(default_factory=dict)
    reported_run: str = ""
    reported_arm: str = "ticket"
    victims: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, name: str, mapping: Mapping[str, Any]) -> "Evaluation":
        """Make from the configuration of one evaluation of a run."""
        options = {key: value for key, value in mapping.items() if key not in EVALUATION_KEYS}
        options = make_exact_options(options, ("operations", "operation", mapping["measure"]))
        if isinstance(options.get("attacks"), Mapping):
            options["attacks"] = {label: _make_exact_attack(one) for label, one in options["attacks"].items()}
        controls = {arm: Control.of(arm, one, 0) for arm, one in mapping.get("controls", {}).items()}
        levels = tuple(mapping.get("levels", (0,)))
        labels = {f"reported_{key}": value for key, value in mapping.get("report_as", {}).items()}
        return cls(name, mapping["measure"], options, levels, controls, **labels)

    @property
    def steps(self) -> tuple[int, ...]:
        """Points of the dense training whose weights it reads, in steps."""
        return tuple(self.options.get("steps", ()))

    def add_victims(self, victims: Mapping[str, dict[str, Any]]) -> "Evaluation":
        """Return this with the victims that this scale runs, each with all settings of its dense network."""
        named = [key for key in self.options.get("victims", ()) if key in victims]
        if "victims" not in self.options:
            return self
        return replace(self, options=self.options | {"victims": named}, victims={key: victims[key] for key in named})

    @property
    def registered_functions(self) -> list[Registered]:
        """The functions it names: operation, controls, attacks, networks of victims, those in `criteria`."""
        kinds = [("pruning", "control", control.kind) for control in self.controls.values()]
        named = [(*which, name) for option, which in NAMING.items() for name in self.options.get(option, ())]
        attacks = [(*ATTACK, one["attack"]) for one in self.options.get("attacks", {}).values()]
        networks = [("networks", "network", one["network"]["name"]) for one in self.victims.values()]
        return [("operations", "operation", self.operation), *kinds, *named, *attacks, *networks]

    @cached_property
    def identity(self) -> dict[str, Any]:
        """All that its results depend on, besides the networks and the levels; defaults left out."""
        usual = read_signature("operations", "operation", self.operation).defaults
        options = {
            key: value for key, value in self.options.items() if key not in usual or not _same(value, usual[key])
        }
        kinds = {arm: {"control": one.kind, "options": one.options} for arm, one in self.controls.items()}
        victims = {"victims": self.victims} if self.victims else {}
        return {"operation": get_stored_name(self.operation), "options": options, "controls": kinds} | victims

    def find_problems(self, at: str, *, levels: int, steps: int) -> Iterator[Problem]:
        """Yield the errors that no schema detects, in a run with this many levels and steps of training."""
        known = registry.list_registered("operations", "operation")
        if self.operation not in known:
            now = find_operation(self.operation)
            renamed = f"{self.operation!r} is now called {now!r}; write measure: {now}"
            yield f"{at}.measure", renamed if now != self.operation else describe_unknown(self.operation, known)
            return
        for key in self.options.keys() & RENAMED_KEYS.keys():
            yield f"{at}.{key}", f"is now written {RENAMED_KEYS[key]}"
            return
        yield from find_option_problems(at, self.options, ("operations", "operation", self.operation), EVALUATION_KEYS)
        for option, which in NAMING.items():
            for name in self.options.get(option, ()):
                if name not in registry.list_registered(*which):
                    yield f"{at}.{option}", describe_unknown(name, registry.list_registered(*which))
        yield from _share_problems(at, self.options)
        yield from _attack_problems(at, self.options)
        yield from _beyond(at, self.levels, levels, lowest=0)
        if any(step > steps for step in self.steps):
            yield f"{at}.steps", f"{max(self.steps)} is after the end; training.steps is {steps}"
        for arm, control in self.controls.items():
            yield from control.find_problems(f"{at}.controls.{arm}", levels)


def _share_problems(at: str, options: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield the errors in shares of weights that an operation prunes or keeps."""
    share = options.get("share", {})
    for kind, value in share.items() if isinstance(share, Mapping) else ():
        if kind not in LAYERS:
            yield f"{at}.share.{kind}", describe_unknown(kind, LAYERS)
        elif not 0 < value < 1:
            yield f"{at}.share.{kind}", f"{value} is no share between 0 and 1"
    if not 0 < options.get("kept", 1.0) <= 1:
        yield f"{at}.kept", f"{options['kept']} is no share above 0, at most 1"


def _make_exact_attack(one: Any) -> Any:
    """Return the options of an attack with integers as floats where it asks for floats."""
    if not isinstance(one, Mapping):
        return one
    own = make_exact_options(one, (*ATTACK, str(one.get("attack"))))
    return {key: make_exact(ATTACK_KEYS.get(key, "Any"), value) for key, value in own.items()}


def _attack_problems(at: str, options: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield the errors in attacks: unknown names, unknown options, impossible distances."""
    known, common = registry.list_registered(*ATTACK), options.get("epsilons", ())
    yield from _epsilon_problems(f"{at}.epsilons", common, most=1)
    for label, one in options.get("attacks", {}).items():
        where = f"{at}.attacks.{label}"
        if "$" in label:
            yield where, "a label holds $, which begins a formula in figures; write it without"
        if not isinstance(one, Mapping):
            yield where, "is no mapping; write {attack: its name}"
            continue
        if one.get("attack") not in known:
            yield f"{where}.attack", describe_unknown(str(one.get("attack", "nothing")), known)
            continue
        its = read_signature(*ATTACK, one["attack"]).options
        own = {key: value for key, value in one.items() if key not in ATTACK_KEYS}
        given = dict.fromkeys(its & set(FROM_OPERATION), 1)
        for key in own.keys() & set(FROM_OPERATION):
            yield f"{where}.{key}", "is no option; write `epsilons`, a list" if key == "epsilon" else "is no option"
        yield from find_option_problems(where, own | given, (*ATTACK, one["attack"]), tuple(ATTACK_KEYS))
        for key in ATTACK_KEYS.keys() & one.keys():
            if problem := find_type_problem(ATTACK_KEYS[key], one[key]):
                yield f"{where}.{key}", problem
        yield from _epsilon_problems(f"{where}.epsilons", one.get("epsilons", ()), most=inf if "norm" in one else 1)
        if "epsilon" in its and not one.get("epsilons", common):
            yield f"{where}.epsilons", f"is missing; {one['attack']} needs at least one distance"


def _epsilon_problems(at: str, epsilons: Sequence[float], *, most: float) -> Iterator[Problem]:
    for one in epsilons:
        if not 0 < one <= most:
            yield at, f"{one} is outside the data's range: pixels are in [0, 1], so it must be above 0, at most 1"


def _same(value: Any, usual: Any) -> bool:
    return bool((tuple(value) if isinstance(value, list) else value) == usual)


def _beyond(at: str, chosen: tuple[int, ...], levels: int, *, lowest: int) -> Iterator[Problem]:
    beyond = [level for level in chosen if level > levels]
    if beyond:
        yield f"{at}.levels", f"{beyond[0]} is beyond the ladder; the run has levels {lowest} to {levels}"
