"""Measure the gradients of layers at steps of the training, and compare them with the cost of resetting the layers."""

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from reproof.declarations.costs import PASSES, TEST_EXAMPLES, Settings, Work
from reproof.metrics import Metric
from reproof.operations.common.subject import Row, Rows, Subject, convert_to_tensors, operation
from reproof.probing.gradients import compute_gradient_norms, compute_rank_correlation
from reproof.probing.layers import list_layers
from reproof.probing.resets import put_back
from reproof.seeding import derive
from reproof.storage.checkpoints import Weights
from reproof.storage.files import ReproofError
from reproof.training.objective import CLASSIFICATION

SPLITS = ("train", "test")
METRICS = (  # `part` is the layer
    Metric("gradient_norm", axis="step", words="gradient of a layer (RMS of a parameter)"),
    Metric(
        "{split}_gradient_correlation", axis="step", splits=SPLITS,
        words="rank correlation of gradient and criticality over layers",
    ),
)  # fmt: skip


def compute_gradient_norms_work(settings: Settings) -> Work:
    """Return the work of a gradient at each step, and of one evaluation per layer; 52 layers at most."""
    options = settings["options"]
    gradients = len(options.get("steps", [0])) * int(options.get("examples", 1000)) * PASSES
    return Work(steps=0, passes=len(settings["seeds"]) * (gradients + 53 * TEST_EXAMPLES))


@operation(metrics=METRICS, cost=compute_gradient_norms_work)
def gradient_norms(subject: Subject, *, steps: Sequence[int] = (0,), examples: int = 1000, split: str = "test") -> Rows:
    """Measure the gradient of each layer on `examples` training images, drawn at random, at `steps` of the training.

    The norm is the root mean square over the parameters of a layer, so that wide and narrow layers compare. The
    correlation is Spearman's over the layers, between these norms and the accuracy on `split` that the trained network
    loses with the layer at its initial values (Zhang, Bengio & Singer 2022: gradients do not explain criticality). It
    is left out for fewer than three layers, and for constant values.
    """
    if subject.levels != [0]:
        raise ReproofError("evaluations: gradient_norms measures dense networks alone; leave `levels` out")
    states = {step: subject.read_step(step) for step in steps}
    for place, (seed, end) in enumerate(zip(subject.seeds, subject.read_tickets(0), strict=True)):
        losses = _measure_losses(
            subject, convert_to_tensors(end), convert_to_tensors(subject.read_step(0)[place]), split
        )
        for step in steps:
            norms = _measure_norms(subject, states[step][place], seed, examples)
            facts = subject.make_columns(0, seed) | {"at": float(step)}
            yield from (facts | row for row in _list_rows(norms, losses, split))


def _list_rows(norms: Mapping[str, float], losses: Mapping[str, float], split: str) -> Iterator[Row]:
    for layer, value in norms.items():
        yield {"part": layer, "metric": "gradient_norm", "value": value}
    correlation = compute_rank_correlation(norms, losses)
    if correlation is not None:
        yield {"metric": f"{split}_gradient_correlation", "value": correlation}


def _measure_norms(subject: Subject, state: Weights, seed: int, examples: int) -> dict[str, float]:
    """Return the norm of the gradient of each layer of one network, in eval mode, on a batch drawn by the seed."""
    dataset, module = subject.job.dataset, subject.job.build_network()
    module.load_state_dict(convert_to_tensors(state))
    module.to(subject.job.device).eval()
    generator = torch.Generator().manual_seed(derive("gradient norms", seed))
    chosen = torch.randperm(len(dataset.train), generator=generator)[:examples].to(dataset.train.images.device)
    outputs = module(dataset.normalise(dataset.train.images[chosen]))
    return compute_gradient_norms(module, CLASSIFICATION.loss(outputs, dataset.train.labels[chosen]))


def _measure_losses(subject: Subject, end: dict[str, Tensor], start: dict[str, Tensor], split: str) -> dict[str, float]:
    """Return the accuracy that a trained network loses with each of its layers put back to its initial values."""
    layers = list_layers(subject.job.build_network())
    states = [end, *(put_back(end, start, names) for names in layers.values())]
    whole, *reset = subject.evaluate(states, subject.get_examples(split))["accuracy"].tolist()
    return {layer: whole - value for layer, value in zip(layers, reset, strict=True)}
