"""Train networks with some layers frozen at their initial values, and measure the loss of accuracy."""

from collections.abc import Mapping, Sequence

from torch import Tensor

from reproof.declarations.costs import Settings, Work
from reproof.metrics import SHARE, Metric
from reproof.operations.common.subject import Rows, Subject, convert_to_tensors, operation
from reproof.operations.common.training_job import make_member
from reproof.probing.freezing import freeze_parameters
from reproof.probing.gradients import compute_saved_share
from reproof.probing.layers import collect_names, list_layers, select_layers
from reproof.storage.files import ReproofError
from reproof.training.variants import unstack

SPLITS = ("train", "test")
METRICS = (
    Metric("{split}_accuracy_with_frozen_layers", SHARE, splits=SPLITS),
    Metric("{split}_cost_of_freezing", SHARE, splits=SPLITS),
    Metric("frozen_parameters_share", SHARE, words="share of the parameters that are frozen"),
    Metric("saved_work_share", SHARE, words="share of the work of a step that freezing saves"),
)


def compute_freeze_work(settings: Settings) -> Work:
    """Return the work of one training per seed and set of layers."""
    return Work(steps=len(settings["seeds"]) * len(settings["options"]["sets"]) * int(settings["training"]["steps"]))


@operation(metrics=METRICS, cost=compute_freeze_work)
def freeze(subject: Subject, *, sets: Mapping[str, Sequence[str]], split: str = "test", savings: bool = False) -> Rows:
    """Train with the layers of each of `sets` {name: patterns} frozen at their initial values; measure on `split`.

    Initial values, budget and data order are those of the run. `part` is the set. `{split}_cost_of_freezing` is the
    final accuracy of the run's network less `{split}_accuracy_with_frozen_layers`. With `savings`, the shares of the
    parameters that are frozen, and of the multiply-adds that a step saves (`compute_saved_share`), are given too.
    """
    if subject.levels != [0]:
        raise ReproofError("evaluations: freeze trains dense networks alone; leave `levels` out")
    examples = subject.get_examples(split)
    own_ends = [convert_to_tensors(end) for end in subject.read_tickets(0)]
    whole = subject.evaluate(own_ends, examples)["accuracy"].tolist()
    layers = list_layers(subject.job.build_network())
    for part, patterns in sets.items():
        ends = train_frozen(subject, part, collect_names(layers, select_layers(layers, patterns)))
        found = subject.evaluate(ends, examples)["accuracy"].tolist()
        for seed, accuracy, own in zip(subject.seeds, found, whole, strict=True):
            facts = subject.make_columns(0, seed) | {"part": part}
            yield facts | {"metric": f"{split}_accuracy_with_frozen_layers", "value": accuracy}
            yield facts | {"metric": f"{split}_cost_of_freezing", "value": own - accuracy}
            if savings:
                saved = _measure_savings(subject, collect_names(layers, select_layers(layers, patterns)))
                yield from (facts | {"metric": name, "value": value} for name, value in saved.items())


def _measure_savings(subject: Subject, frozen: frozenset[str]) -> dict[str, float]:
    """Return the shares of parameters and of work that freezing saves."""
    module = subject.job.build_network()
    sizes = {name: one.numel() for name, one in module.named_parameters()}
    return {
        "frozen_parameters_share": sum(size for name, size in sizes.items() if name in frozen) / sum(sizes.values()),
        "saved_work_share": compute_saved_share(module, subject.job.dataset.input_shape, frozen),
    }


def train_frozen(subject: Subject, part: str, names: frozenset[str]) -> list[dict[str, Tensor]]:
    """Return each seed's state, {name: [*shape of the weight]}, after training with the parameters `names` frozen."""
    # Frozen parameters become buffers: the states keep their names, so that weights load as usual.
    module = freeze_parameters(subject.job.build_network(), names)
    starts = zip(subject.seeds, subject.read_step(0), strict=True)
    # The arm "ticket" has the data order of the run: only the frozen layers differ.
    members = [make_member(start, seed=seed, arm="ticket") for seed, start in starts]
    return unstack(subject.job.train(members, module=module, label=f"frozen {part}").points["final"])
