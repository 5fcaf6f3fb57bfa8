"""Reset layers of trained networks, alone and in sets, and measure the loss of accuracy."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from reproof.declarations.costs import TEST_EXAMPLES, TRAIN_EXAMPLES, Settings, Work
from reproof.declarations.layer_classes import Thresholds
from reproof.metrics import COUNT, SHARE, Metric
from reproof.operations.common.subject import Row, Rows, Subject, convert_to_tensors, operation
from reproof.probing.distances import compute_distances
from reproof.probing.layers import LayerNames, list_layers, select_layers
from reproof.probing.probes import Sets, TrainedNetwork, make_probes
from reproof.probing.readings import (
    Movement,
    Reading,
    Scale,
    compute_initial_costs,
    list_layer_rows,
    list_network_rows,
    list_set_rows,
)
from reproof.storage.checkpoints import Weights
from reproof.storage.files import ReproofError

MOST_LAYERS = 52  # ResNet-152: its first convolution, 50 blocks and its output
SPLITS = ("train", "test")
METRICS = (
    Metric("{split}_accuracy_reinitialised", SHARE, axis="step", splits=SPLITS),
    Metric("{split}_accuracy_rerandomised", SHARE, splits=SPLITS),
    Metric("{split}_accuracy_removed", SHARE, splits=SPLITS),
    Metric("{split}_criticality", axis="step", splits=SPLITS),
    Metric("{split}_criticality_rerandomised", splits=SPLITS),
    Metric("{split}_criticality_removed", splits=SPLITS),
    Metric("{split}_accuracy_jointly_reinitialised", SHARE, splits=SPLITS),
    Metric("{split}_accuracy_jointly_rerandomised", SHARE, splits=SPLITS),
    Metric("{split}_accuracy_jointly_removed", SHARE, splits=SPLITS),
    Metric("{split}_joint_criticality", splits=SPLITS),
    Metric("{split}_joint_criticality_rerandomised", splits=SPLITS),
    Metric("{split}_joint_criticality_removed", splits=SPLITS),
    Metric("{split}_joint_layers", COUNT, splits=SPLITS),
    Metric("{split}_worst_single_criticality", splits=SPLITS),
    Metric("{split}_highest_rerandomised_accuracy", SHARE, splits=SPLITS),
    Metric("{split}_distance_correlation", splits=SPLITS),
    Metric("{split}_ambient_layers", COUNT, splits=SPLITS),
    Metric("{split}_critical_layers", COUNT, splits=SPLITS),
    Metric("{split}_ambient_layers_share", SHARE, splits=SPLITS),
    Metric("{split}_critical_layers_share", SHARE, splits=SPLITS),
    Metric("{split}_ambient_parameters_share", SHARE, splits=SPLITS),
    Metric("{split}_layers_above", COUNT, axis="threshold of criticality", splits=SPLITS),
    Metric("distance_l2", axis="step"),
    Metric("distance_linf", axis="step"),
    Metric("relative_distance_l2", axis="step"),
    Metric("relative_distance_linf", axis="step"),
)


def compute_reset_work(settings: Settings) -> Work:
    """Return the work of one evaluation per checkpoint and draw of each layer and set."""
    options, network = settings["options"], settings["network"]
    layers = int(network.get("depth", 3)) + 1 if network["name"] == "fc" else MOST_LAYERS
    # Each layer, each named set, and the set of ambient layers.
    sets = layers + len(options.get("joint") or {}) + 1
    # Checkpoints, fresh draws, and the removal of a block.
    probes = sets * (len(options.get("steps", [0])) + int(options.get("draws", 5)) + 1)
    examples = TRAIN_EXAMPLES if options.get("split") == "train" else TEST_EXAMPLES
    # No training happens. With 0 steps and not None, the time limit follows the records of trainings.
    return Work(steps=0, passes=len(settings["seeds"]) * examples * probes)


@operation(metrics=METRICS, cost=compute_reset_work)
def reset(
    subject: Subject,
    *,
    steps: Sequence[int] = (0,),
    draws: int = 5,
    joint: Mapping[str, Sequence[str]] | None = None,
    split: str = "test",
    ambient: float = 0.01,
    critical: float = 0.5,
) -> Rows:
    """Measure the loss of accuracy when layers of dense networks are reset (Zhang, Bengio & Singer 2022).

    Each layer is set to its values at `steps` of the training, set to fresh initial values `draws` times and, if it is
    a residual block, removed. The same happens to each set of layers in `joint` {name: patterns}, and to the set
    "ambient": the layers of a network, if several, with a criticality of at most `ambient` on the validation set. A
    criticality of at least `critical` counts as critical. Accuracies are on `split`. `part` is the layer or set, `at`
    the step.
    """
    _check(subject, steps)
    module, thresholds = subject.job.build_network(), Thresholds(ambient=ambient, critical=critical)
    layers, parameters = list_layers(module), {name for name, _ in module.named_parameters()}
    # Running statistics are reset with their layer, but are no parameters and do not count as movement.
    trained = {layer: [name for name in names if name in parameters] for layer, names in layers.items()}
    # Patterns are resolved first: a misspelt one fails before anything is evaluated.
    named = {name: select_layers(layers, patterns) for name, patterns in (joint or {}).items()}
    starts = {step: subject.read_step(step) for step in sorted(steps)}
    for index, (seed, end) in enumerate(zip(subject.seeds, subject.read_tickets(0), strict=True)):
        at_steps = {step: start[index] for step, start in starts.items()}
        # Whole networks are drawn. A probe takes only the layers of its set from them.
        fresh = [convert_to_tensors(subject.job.draw_weights(seed, "reset", draw)) for draw in range(draws)]
        checkpoints = {step: convert_to_tensors(start) for step, start in at_steps.items()}
        network = _Network(subject, layers, TrainedNetwork(convert_to_tensors(end), checkpoints, fresh))
        moved = list(_measure_movement(end, at_steps, trained))
        for row in [*moved, *network.measure(split, named, thresholds, _find_movement_from_start(moved, end, trained))]:
            yield subject.make_columns(0, seed) | row


@dataclass(frozen=True, eq=False)
class _Network:
    """One trained network with its layers, checkpoints and fresh initial values."""

    subject: Subject
    layers: LayerNames
    trained: TrainedNetwork

    def measure(self, split: str, named: Sets, thresholds: Thresholds, moved: Mapping[str, Movement]) -> Iterator[Row]:
        """Yield the rows of all probes; `moved` is the movement of each layer."""
        single = {layer: (layer,) for layer in self.layers}
        scale, readings = self.probe(split, single)
        costs = compute_initial_costs(readings, scale)
        yield from list_layer_rows(readings, scale)
        yield from list_network_rows(costs, moved, thresholds, split)
        sets = dict(named) | self.find_ambient(single, thresholds)
        yield from list_set_rows(self.probe(split, sets)[1], sets, costs, scale)

    def probe(self, split: str, sets: Sets, checkpoints: TrainedNetwork | None = None) -> tuple[Scale, list[Reading]]:
        """Return the accuracies of the network and of all probes of `sets`, evaluated in one pass."""
        trained = checkpoints or self.trained
        every = list(make_probes(self.subject.job.build_network(), trained, sets))
        # The trained network is the first state of the pass, so that it sees the same batches as its probes.
        states = [trained.state, *(probe.state for probe in every)]
        whole, *found = self.subject.evaluate(states, self.subject.get_examples(split))["accuracy"].tolist()
        # Chance takes the classes as equally frequent.
        scale = Scale(split, whole, 1 / self.subject.job.dataset.classes)
        return scale, [probe.make_reading(accuracy) for probe, accuracy in zip(every, found, strict=True)]

    def find_ambient(self, single: Sets, thresholds: Thresholds) -> dict[str, tuple[str, ...]]:
        """Return {"ambient": layers ambient on the validation set} if there are several; else {}."""
        if not len(self.subject.job.dataset.validation):
            return {}
        # Selected on validation, so that the accuracy on the test set stays an honest measurement.
        initial = TrainedNetwork(self.trained.state, {0: self.trained.checkpoints[0]})
        scale, readings = self.probe("validation", single, initial)
        costs = compute_initial_costs(readings, scale)
        found = tuple(layer for layer, cost in costs.items() if cost <= thresholds.ambient)
        return {"ambient": found} if len(found) > 1 else {}


def _check(subject: Subject, steps: Sequence[int]) -> None:
    """Raise ReproofError for levels of tickets, or if step 0 is not among the checkpoints."""
    if subject.levels != [0]:
        raise ReproofError("evaluations: reset measures dense networks alone; leave `levels` out")
    if 0 not in steps:
        raise ReproofError("evaluations: reset needs 0 in `steps`: criticality is the cost of the initial values")


def _measure_movement(
    end: Weights, starts: Mapping[int, Weights], layers: Mapping[str, Sequence[str]]
) -> Iterator[Row]:
    """Yield the distance of each layer's parameters from their values at each step."""
    for step, start in starts.items():
        for layer, names in layers.items():
            for metric, value in compute_distances(end, start, names).items():
                yield {"part": layer, "at": float(step), "metric": metric, "value": value}


def _find_movement_from_start(
    moved: Sequence[Row], end: Weights, layers: Mapping[str, Sequence[str]]
) -> dict[str, Movement]:
    """Return the distance of each layer from its initial values, and its number of parameters."""
    # Taken from the rows, so that the correlation uses the very distances of the table.
    start = {row["part"]: row["value"] for row in moved if row["metric"] == "distance_l2" and row["at"] == 0}
    return {layer: Movement(start[layer], sum(end[name].size for name in names)) for layer, names in layers.items()}
