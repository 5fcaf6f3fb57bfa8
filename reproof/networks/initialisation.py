"""Initial weights, drawn from a generator in a fixed order: equal generator states give equal bits."""

from math import sqrt

import torch
from torch import Tensor, nn

from reproof.networks.layers import list_prunable
from reproof.storage.files import ReproofError


def compute_glorot_deviation(fan_in: int, fan_out: int) -> float:
    """Return sqrt(2 / (fan_in + fan_out)) (Glorot & Bengio 2010, equation 12; the Gaussian form)."""
    return sqrt(2 / (fan_in + fan_out))


def compute_kaiming_deviation(fan_in: int, fan_out: int) -> float:
    """Return sqrt(2 / fan_in), for layers before a ReLU (He et al. 2015, equation 10)."""
    return sqrt(2 / fan_in)


SCHEMES = {
    "glorot_normal": compute_glorot_deviation,
    "glorot_truncated": compute_glorot_deviation,
    "glorot_uniform": compute_glorot_deviation,
    "kaiming_normal": compute_kaiming_deviation,
}
CUT = 2.0  # deviations of a normal distribution at which TensorFlow cuts it
DEVIATION_WITHIN_CUT = 0.87962566103423978  # standard deviation of a standard normal distribution between -2 and 2
# The later code of Frankle & Carbin's first author (open_lth) draws the scales from U(0, 1).
BATCH_NORM_SCALES = ("one", "uniform")
BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
NORMALISATIONS = (
    *BATCH_NORMS, nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d, nn.GroupNorm, nn.LayerNorm, nn.RMSNorm,
)  # fmt: skip


def initialise(
    module: nn.Module, *, scheme: str, generator: torch.Generator, batch_norm_scale: str = "one", name: str = ""
) -> None:
    """Set every parameter and running statistic of `module` to its initial value, in place.

    The draws are the prunable weights in forward order, then, layer by layer in forward order, the batch norm scales
    and what layers draw by a method `draw_parameters(generator)` of their own. Weights have the mean 0, the standard
    deviation of `scheme` and its distribution (`draw_standard`); their biases are 0. Batch norm's scale is 1 or, with
    `batch_norm_scale="uniform"`, drawn from U(0, 1). Its shift and running mean are 0, its running variance 1. Other
    normalisations start with scale 1 and shift 0. The draws are made on the generator's device.

    Raises ReproofError for an unknown scheme or scale, and for a parameter that nothing of this has set; `name` is that
    of the network in the message.
    """
    _check_parameters(module, name)
    deviations = compute_initial_deviation(module, scheme=scheme)
    if batch_norm_scale not in BATCH_NORM_SCALES:
        raise ReproofError(
            f"batch_norm_scale {batch_norm_scale!r} is unknown; choose one of {', '.join(BATCH_NORM_SCALES)}"
        )
    with torch.no_grad():
        # NaN stays where nothing sets a value, whatever the layer is.
        for parameter in module.parameters():
            parameter.fill_(torch.nan)
        # Weights first, scales second: the choice of scale leaves the weights unchanged.
        for weight_name, deviation in deviations.items():
            weight = module.get_parameter(weight_name)
            # Drawn on the generator's device: the same numbers on every device.
            weight.copy_(draw_standard(scheme, weight.shape, generator) * deviation)
        for layer in module.modules():
            _reset(layer, generator, batch_norm_scale)
        _check_all_set(module, name)


def draw_standard(scheme: str, shape: torch.Size, generator: torch.Generator) -> Tensor:
    """Return numbers of the shape, float32 on the generator's device, with mean 0 and standard deviation 1.

    "glorot_truncated" is normal, cut off at 2 deviations and then scaled to a deviation of 1, so that no weight is
    beyond 2.27 deviations. This is `glorot_normal` of TensorFlow 1.10, which Zhou et al. 2019 used. "glorot_uniform" is
    uniform, hence between -sqrt(3) and sqrt(3) (Glorot & Bengio 2010, equation 16). The others are normal.
    """
    if scheme == "glorot_uniform":
        return torch.rand(shape, generator=generator, device=generator.device).mul_(2).sub_(1).mul_(sqrt(3))
    drawn = torch.randn(shape, generator=generator, device=generator.device)
    if scheme != "glorot_truncated":
        return drawn
    # Redrawn until all are inside, as TensorFlow does it.
    while bool((beyond := drawn.abs() > CUT).any()):
        drawn[beyond] = torch.randn(int(beyond.sum()), generator=generator, device=generator.device)
    return drawn / DEVIATION_WITHIN_CUT


def compute_initial_deviation(module: nn.Module, *, scheme: str) -> dict[str, float]:
    """Return {name of a prunable weight: standard deviation of its initial distribution}, in forward order.

    Raises ReproofError for an unknown scheme.
    """
    if scheme not in SCHEMES:
        raise ReproofError(f"initialisation {scheme!r} is unknown; choose one of {', '.join(SCHEMES)}")
    return {name: SCHEMES[scheme](*_compute_fans(module.get_parameter(name))) for name in list_prunable(module)}


def _compute_fans(weight: Tensor) -> tuple[int, int]:
    """Return (inputs of one output unit, outputs of one input unit) of a weight [out, in, *kernel]."""
    # The positions of the kernel, 9 for 3x3: a unit reads each input channel at all of them. 1 for a linear layer.
    kernel = weight[0, 0].numel()
    return weight.shape[1] * kernel, weight.shape[0] * kernel


def _reset(layer: nn.Module, generator: torch.Generator, batch_norm_scale: str) -> None:
    """Set the parameters that the scheme does not draw: biases, normalisation, and those that a layer draws itself."""
    if isinstance(layer, NORMALISATIONS):
        layer.reset_parameters()  # constants: PyTorch draws nothing here
        if isinstance(layer, BATCH_NORMS) and batch_norm_scale == "uniform" and layer.affine:
            layer.weight.copy_(torch.rand(layer.weight.shape, generator=generator, device=generator.device))
    elif isinstance(layer, (nn.Linear, nn.Conv2d)) and layer.bias is not None:
        layer.bias.zero_()
    if callable(draw := getattr(layer, "draw_parameters", None)):
        draw(generator)


def _check_parameters(module: nn.Module, name: str) -> None:
    """Raise ReproofError for a parameter that has no values yet, or cannot hold NaN."""
    for key, parameter in module.named_parameters():
        if isinstance(parameter, nn.parameter.UninitializedParameter):
            raise _make_error(module, name, key, "has no shape yet; give its layer the number of inputs")
        if not parameter.is_floating_point():
            raise _make_error(module, name, key, f"is no real number but {parameter.dtype}; register a buffer instead")


def _check_all_set(module: nn.Module, name: str) -> None:
    """Raise ReproofError naming the first parameter of which a value is still NaN."""
    for key, parameter in module.named_parameters():
        if parameter.isnan().any():
            remedy = (
                "no initialiser sets it, so that equal seeds would give other weights; use Linear or Conv2d, or give "
                "its layer a method draw_parameters(generator) that sets all its values"
            )
            raise _make_error(module, name, key, remedy)


def _make_error(module: nn.Module, name: str, key: str, what: str) -> ReproofError:
    """Return the error of one parameter, with the network and the kind of the parameter's layer."""
    layer = type(module.get_submodule(key.rpartition(".")[0])).__name__
    return ReproofError(f"network {name or type(module).__name__}: parameter {key} ({layer}): {what}")
