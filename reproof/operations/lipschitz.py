"""Upper Lipschitz bounds of the layers of dense networks, before and after training."""

from collections.abc import Iterator
from math import prod

from reproof.declarations.costs import Settings, Work
from reproof.metrics import Metric
from reproof.operations.common.subject import Row, Rows, Subject, convert_to_tensors, operation
from reproof.representations.spectra import compute_bounds
from reproof.storage.checkpoints import Weights
from reproof.storage.files import ReproofError

METRICS = (  # `part` is the layer
    Metric("lipschitz_bound", axis="step", words="upper Lipschitz bound"),
    Metric("lipschitz_product", axis="step", words="product of upper Lipschitz bounds"),
)


def compute_lipschitz_work(settings: Settings) -> Work:
    """Return a constant of a few seconds, by experience."""
    return Work(seconds=5)


@operation(metrics=METRICS, cost=compute_lipschitz_work)
def lipschitz(subject: Subject) -> Rows:
    """Measure upper Lipschitz bounds of the layers in L2 (Szegedy et al. 2014, section 4.3).

    `part` is the layer, of those with weights. The product is over all layers, with pools and activations. `at` is the
    step: 0 and the end. The bounds refer to the input of the network, which is pixels in [0, 1] only for data that is
    not standardised.
    """
    if subject.levels != [0]:
        raise ReproofError("evaluations: lipschitz measures dense networks alone; leave `levels` out")
    # The initial network is the control: bounds above 1 may come from the initialiser alone.
    for step in (0, subject.job.settings["training"]["steps"]):
        for seed, state in zip(subject.seeds, subject.read_step(step), strict=True):
            yield from (
                subject.make_columns(0, seed) | {"at": float(step)} | row for row in _measure_bounds(subject, state)
            )


def _measure_bounds(subject: Subject, state: Weights) -> Iterator[Row]:
    """Yield the bound of each layer with weights, and the product over all layers."""
    module = subject.job.build_network().eval()
    module.load_state_dict(convert_to_tensors(state))
    # In eval mode: dropout is the identity, and batch norm a fixed scale.
    found = list(compute_bounds(module, input_shape=subject.job.dataset.input_shape))
    for one in found:
        # Pools and activations enter the product, but the paper lists layers with weights only.
        if module.get_submodule(one.layer).state_dict():
            yield {"part": one.layer, "metric": "lipschitz_bound", "value": one.bound}
    yield {"metric": "lipschitz_product", "value": prod(one.bound for one in found)}
