"""Train networks some of whose layers stay as they were initialised, and measure what that costs."""

from collections.abc import Mapping, Sequence

from torch import Tensor

from reproof.declarations.costs import Settings, Work
from reproof.metrics import SHARE, Metric
from reproof.operations.common.subject import Rows, Subject, operation
from reproof.operations.common.training_job import member
from reproof.probing.freezing import freeze_parameters
from reproof.probing.layers import collect_names, list_layers, select_layers
from reproof.probing.resets import convert_to_tensors
from reproof.storage.files import ReproofError
from reproof.training.variants import unstack

SPLITS = ("train", "test")
METRICS = (
    Metric("{split}_accuracy_with_frozen_layers", SHARE, splits=SPLITS),
    Metric("{split}_cost_of_freezing", SHARE, splits=SPLITS),
)


def freeze_work(settings: Settings) -> Work:
    """Return a whole training for each set of layers."""
    return Work(steps=len(settings["seeds"]) * len(settings["options"]["sets"]) * int(settings["training"]["steps"]))


@operation(metrics=METRICS, cost=freeze_work)
def freeze(subject: Subject, *, sets: Mapping[str, Sequence[str]], split: str = "test") -> Rows:
    """Train with the layers of each of `sets` (patterns by name) frozen at their initial values; measure on `split`.

    All else is as in the run: initial values, budget, data order. `part` is the set; `{split}_cost_of_freezing` is how
    much more accuracy the run's own network has at the end than `{split}_accuracy_with_frozen_layers`.
    """
    if subject.levels != [0]:
        raise ReproofError("evaluations: freeze trains dense networks alone; leave `levels` out")
    examples = getattr(subject.job.dataset, split)
    whole = subject.evaluate([convert_to_tensors(end) for end in subject.tickets(0)], examples)["accuracy"].tolist()
    layers = list_layers(subject.job.network())
    for part, patterns in sets.items():
        ends = trained_with(subject, part, collect_names(layers, select_layers(layers, patterns)))
        found = subject.evaluate(ends, examples)["accuracy"].tolist()
        for seed, accuracy, own in zip(subject.seeds, found, whole, strict=True):
            facts = subject.facts(0, seed) | {"part": part}
            yield facts | {"metric": f"{split}_accuracy_with_frozen_layers", "value": accuracy}
            yield facts | {"metric": f"{split}_cost_of_freezing", "value": own - accuracy}


def trained_with(subject: Subject, part: str, names: frozenset[str]) -> list[dict[str, Tensor]]:
    """Return the whole state of each seed's network, trained with the parameters among `names` frozen."""
    module = freeze_parameters(subject.job.network(), names)
    starts = zip(subject.seeds, subject.at_step(0), strict=True)
    members = [member(start, seed=seed, arm="ticket") for seed, start in starts]
    return unstack(subject.job.train(members, module=module, label=f"frozen {part}").points["final"])
