"""Count the outputs of networks that are silent on their own class, and measure the accuracy without these classes."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from reproof.declarations.costs import TEST_EXAMPLES, TRAIN_EXAMPLES, Settings, Work
from reproof.metrics import COUNT, SHARE, Metric
from reproof.operations.common.subject import Row, Rows, Subject, convert_to_tensors, operation
from reproof.representations.dead_outputs import compute_living_accuracy, find_dead_outputs
from reproof.storage.checkpoints import Weights
from reproof.storage.files import ReproofError
from reproof.training.evaluate import BATCH

SPLITS = ("train", "validation", "test")
METRICS = (
    Metric("{split}_dead_outputs", COUNT, axis="step", words="number of dead outputs", splits=SPLITS),
    Metric("{split}_accuracy_of_all_classes", SHARE, axis="step", words="accuracy on all classes", splits=SPLITS),
    Metric(
        "{split}_accuracy_of_living_classes", SHARE, axis="step",
        words="accuracy on the classes whose outputs are not dead", splits=SPLITS,
    ),
)  # fmt: skip


def compute_dead_outputs_work(settings: Settings) -> Work:
    """Return the work of one evaluation of each seed's network at each step."""
    options = settings["options"]
    examples = TRAIN_EXAMPLES if options.get("split") == "train" else TEST_EXAMPLES
    return Work(steps=0, passes=examples * len(settings["seeds"]) * len(options.get("steps", [0])))


@operation(metrics=METRICS, cost=compute_dead_outputs_work)
def dead_outputs(subject: Subject, *, steps: Sequence[int], split: str = "test") -> Rows:
    """Count dead outputs at each of `steps` of the dense training, on the examples of `split` (`find_dead_outputs`).

    `at` is the step. The accuracy is given on all examples, and on those whose class has an output that is not dead.
    """
    if subject.levels != [0]:
        raise ReproofError("evaluations: dead_outputs measures dense networks alone; leave `levels` out")
    for step in steps:
        for seed, state in zip(subject.seeds, subject.read_step(step), strict=True):
            facts = subject.make_columns(0, seed) | {"at": float(step)}
            yield from (facts | row | {"metric": f"{split}_{row['metric']}"} for row in _measure(subject, state, split))


def _measure(subject: Subject, state: Weights, split: str) -> Iterator[Row]:
    """Yield number of dead outputs and accuracies of one network."""
    examples = subject.get_examples(split)
    outputs, labels = _compute_outputs(subject, state, examples.images), examples.labels.cpu()
    yield {"metric": "dead_outputs", "value": float(find_dead_outputs(outputs, labels).sum())}
    yield {"metric": "accuracy_of_all_classes", "value": float(outputs.argmax(dim=-1).eq(labels).double().mean())}
    living = compute_living_accuracy(outputs, labels)
    # Without any living class there is no accuracy; a missing row is honest where a 0 would not be.
    if living is not None:
        yield {"metric": "accuracy_of_living_classes", "value": living}


def _compute_outputs(subject: Subject, state: Weights, images: Tensor) -> Tensor:
    """Return the outputs float32 [N, K] of images uint8 [N, C, H, W] in eval mode, on the CPU."""
    network = subject.make_variants([convert_to_tensors(state)])
    network.module.eval()
    with torch.no_grad():
        parts = [network.compute_outputs(subject.job.dataset.normalise(part))[0] for part in torch.split(images, BATCH)]
    return torch.cat(parts).cpu()
