"""Train networks adversarially, attack them, and exchange examples with the networks of the run."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from reproof import registry
from reproof.attacks.adversary import Adversary
from reproof.attacks.hardening import Method, State, train_adversarially
from reproof.attacks.pools import Pools
from reproof.attacks.victim import Victim
from reproof.declarations.costs import Settings, Work
from reproof.metrics import SHARE, Metric
from reproof.operations.attack import make_examples, make_victim, measure_attacks, select_examples
from reproof.operations.common.subject import Rows, Subject, convert_to_tensors, operation
from reproof.operations.common.training_job import make_member
from reproof.settings import TrainingSettings
from reproof.storage.checkpoints import Weights
from reproof.storage.files import ReproofError
from reproof.training.processor import flush_subnormals, keep_freed_memory

Attacks = Mapping[str, Mapping[str, Any]]


MOST_POOLS = 3  # of adversarial examples: the input and two hidden layers
POOL_PASSES = (
    5 * 50
)  # searches times iterations: an upper layer costs less than the network, a gradient more than a pass
METRICS = (  # `part` is the attack; `attack` declares what attacks do
    Metric("test_accuracy_on_examples_of_natural", SHARE, "epsilon", "accuracy on examples made for natural networks"),
    Metric(
        "test_accuracy_on_examples_for_natural", SHARE, "epsilon", "accuracy of natural networks on the examples made"
    ),
)


def compute_adversarial_training_work(settings: Settings) -> Work:
    """Return the work of adversarial training.

    A step on examples, a step on untouched images and each step of the attack cost one usual step. Measured on LeNet
    and Conv-2: 2.1 steps for FGSM alone, 3.1 with untouched images, 10.4 for ten steps of PGD alone. Pools also cost
    the search for renewed examples.
    """
    options, seeds, steps = settings["options"], len(settings["seeds"]), int(settings["training"]["steps"])
    # The defaults repeat those of the operation: planning reads settings, in which defaults are left out.
    adversary, share = options.get("adversary", "pgd"), float(options.get("clean_share", 0.0))
    attack_steps = {"fgsm": 1, "pools": MOST_POOLS}.get(adversary, int(options.get("adversary_steps", 10)))
    renewed = steps // int(options.get("pool_every", 100)) * int(options.get("pool_renewed", 100))
    # Each term of the loss costs a usual step: that of examples unless its share is 0, that of clean images likewise.
    return Work(
        steps=seeds * steps * (attack_steps + (share < 1) + (share > 0)),
        passes=seeds * renewed * MOST_POOLS * POOL_PASSES if adversary == "pools" else 0,
    )


@operation(metrics=METRICS, cost=compute_adversarial_training_work)
def adversarial_training(
    subject: Subject,
    *,
    adversary: str = "pgd",
    epsilon: float = 0.3,
    adversary_steps: int = 10,
    adversary_step_size: float = 0.05,
    adversary_clip: bool = True,
    clean_share: float = 0.0,
    ramp: float = 0.0,
    pool_size: int = 2000,
    pool_renewed: int = 100,
    pool_every: int = 100,
    attacks: Mapping[str, Mapping[str, Any]],
    epsilons: Sequence[float],
    examples: int = 1000,
) -> Rows:
    """Train the network of each seed on examples of an `adversary`, then attack it.

    "fgsm" and "pgd" attack each batch within `epsilon` (pixels in [0, 1]). "pools" keeps `pool_size` examples of least
    distortion per layer and replaces `pool_renewed` of them every `pool_every` steps. Untouched images have
    `clean_share` of the loss: 0.5 in Goodfellow et al. 2015 (section 6), 0 in Madry et al. 2018, not stated in Szegedy
    et al. 2014. Initial values, budget and data order are those of the run.

    The `attacks` are measured at `epsilons` on the first `examples` of the test set. At the epsilon of the adversary,
    the hardened network also classifies examples made for the network of the run ("of_natural"), and that network
    classifies examples made for the hardened one ("for_natural"). `part` is the attack.
    """
    if subject.levels != [0]:
        raise ReproofError("evaluations: adversarial_training trains dense networks alone; leave `levels` out")
    method: Method
    if adversary == "pools":
        method = Pools(size=pool_size, renewed=pool_renewed, every=pool_every, clean_share=clean_share)
    else:
        method = Adversary(
            attack=adversary, epsilon=epsilon, steps=adversary_steps, step_size=adversary_step_size,
            clip=adversary_clip, clean_share=clean_share, ramp=ramp,
        )  # fmt: skip
    # All attacks, and both directions of the exchange, use the same images.
    shown = select_examples(subject, "test", examples)
    # Hardened and natural network have the same initial values and data order: they differ in their loss alone.
    networks = zip(subject.seeds, subject.read_step(0), subject.read_tickets(0), strict=True)
    for seed, start, end in networks:
        strong = make_victim(subject, train_seed(subject, start, seed, method))
        natural = make_victim(subject, convert_to_tensors(end))
        for row in measure_attacks(strong, *shown, attacks=attacks, epsilons=epsilons, split="test", seed=seed):
            yield subject.make_columns(0, seed) | row
        for row in measure_exchange(strong, natural, *shown, attacks=attacks, epsilon=epsilon, seed=seed):
            yield subject.make_columns(0, seed) | row


def train_seed(subject: Subject, start: Weights, seed: int, method: Method) -> State:
    """Return the state of one seed's network after adversarial training from the initial weights of the run.

    start: {name: float32, shape of the weight}. The state has the same names and shapes.
    """
    keep_freed_memory()
    flush_subnormals()
    return train_adversarially(
        # The arm "ticket" has the SGD noise of the run, hence the same batches and dropout masks.
        subject.job.build_network(), make_member(start, seed=seed, arm="ticket"), dataset=subject.job.dataset,
        settings=TrainingSettings.parse(subject.job.settings["training"]), method=method, device=subject.job.device,
        saving=subject.job.make_saving(f"harden {seed}"), label=f"harden {seed}",
    )  # fmt: skip


def measure_exchange(
    strong: Victim, natural: Victim, images: Tensor, labels: Tensor, *, attacks: Attacks, epsilon: float, seed: int
) -> Rows:
    """Yield the accuracy of each network on the examples that each attack makes for the other one.

    `images` are float32 [N, C, H, W] in [0, 1], `labels` int64 [N]; `epsilon` bounds the maximum norm.
    """
    for part, options in attacks.items():
        if not _has_maximum_ball(options):
            continue
        for whose, victim, shown in (("of_natural", natural, strong), ("for_natural", strong, natural)):
            found = make_examples(part, options, victim, images, labels, epsilon=epsilon, seed=seed).images
            accuracy = float(shown.predict(found).eq(labels).double().mean())
            metric = f"test_accuracy_on_examples_{whose}"
            yield {"metric": metric, "part": part, "at": epsilon, "value": accuracy}


def _has_maximum_ball(options: Mapping[str, Any]) -> bool:
    """Return True if the attack is bounded in the adversary's norm, the maximum over pixels."""
    # Other norms have no counterpart of the adversary's epsilon.
    names = registry.list_options("attacks", "attack", options["attack"])
    return "epsilon" in names and options.get("norm", "linf") == "linf"
