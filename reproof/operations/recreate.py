"""Train networks one after the other in one process, each created from scratch, and compare their accuracies."""

from reproof.data.dataset import Split
from reproof.declarations.costs import Settings, Work
from reproof.metrics import SHARE, Metric
from reproof.operations.common.subject import Rows, Subject, operation
from reproof.operations.common.training_job import make_member
from reproof.storage.checkpoints import Weights
from reproof.storage.files import ReproofError
from reproof.training.variants import unstack

SPLITS = ("train", "test")
METRICS = (
    Metric(
        "{split}_accuracy_recreated", SHARE, axis="network of the process",
        words="accuracy of networks created one after the other", splits=SPLITS,
    ),
)  # fmt: skip


def compute_recreate_work(settings: Settings) -> Work:
    """Return the work of the trainings."""
    networks = int(settings["options"].get("networks", 2))
    return Work(steps=len(settings["seeds"]) * networks * int(settings["training"]["steps"]))


@operation(metrics=METRICS, cost=compute_recreate_work)
def recreate(subject: Subject, *, networks: int = 2, split: str = "test") -> Rows:
    """Train `networks` networks for each seed, one after the other in this process; measure accuracies on `split`.

    `at` is the number of the network, from 1. The first has the initial weights and the data order of the run's own
    network, and its bits on a CPU. Every further one has weights and an order of its own. All chance comes from seeds,
    so that a training leaves nothing behind for the next one.
    """
    if subject.levels != [0]:
        raise ReproofError("evaluations: recreate trains dense networks alone; leave `levels` out")
    examples = subject.get_examples(split)
    for seed, own in zip(subject.seeds, subject.read_step(0), strict=True):
        for number in range(1, networks + 1):
            start = own if number == 1 else subject.job.draw_weights(seed, "recreated", number)
            accuracy = _train(subject, start, seed, number, examples)
            facts = subject.make_columns(0, seed) | {"at": float(number)}
            yield facts | {"metric": f"{split}_accuracy_recreated", "value": accuracy}


def _train(subject: Subject, start: Weights, seed: int, number: int, examples: Split) -> float:
    """Return the accuracy on `examples` of one network after its training."""
    member = make_member(start, seed=seed, arm="ticket" if number == 1 else f"recreated {number}")
    trained = subject.job.train([member], label=f"network {number} of seed {seed}")
    return float(subject.evaluate(unstack(trained.points["final"]), examples)["accuracy"])
