"""How long trainings take: from the records of finished ones where there are any, otherwise by an estimate.

The unit is a network-step: one step of one network, with its share of the evaluations between steps.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from math import comb
from pathlib import Path
from statistics import median
from typing import Any

from reproof.files import ReproofError, read_json
from reproof.provenance import canonical
from reproof.settings import DataSettings, TrainingSettings

Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Duration:
    """Seconds that a job is expected to take, and whether that was measured or is an estimate."""

    seconds: float
    measured: bool


@dataclass(frozen=True)
class Size:
    """Weights of a network, and multiply-adds of its forward pass for one example."""

    weights: int
    products: int


SIZES = {  # MNIST's shapes for the fully connected ones, ImageNet's for its own, CIFAR-10's for the rest; a test counts
    "softmax_regression": Size(7_840, 7_840),
    "sigmoid_fc": Size(89_400, 89_400),
    "autoencoder_softmax": Size(631_200, 317_600),
    "fc": Size(334_336, 334_336),
    "lenet_300_100": Size(266_200, 266_200),
    "conv_2": Size(4_300_992, 43_780_608),
    "conv_4": Size(2_425_024, 98_306_560),
    "conv_6": Size(2_261_184, 153_881_088),
    "resnet_8": Size(77_360, 12_501_632),
    "resnet_20": Size(270_896, 40_813_184),
    "resnet_18": Size(11_164_352, 555_422_720),
    "resnet_50": Size(23_467_712, 1_297_829_888),
    "resnet_101": Size(42_407_616, 2_509_983_744),
    "resnet_152": Size(58_005_184, 3_722_137_600),
    "resnet_18_imagenet": Size(11_678_912, 1_814_073_344),
    "resnet_50_imagenet": Size(25_502_912, 4_089_184_256),
    "resnet_101_imagenet": Size(44_442_816, 7_801_405_440),
    "resnet_152_imagenet": Size(60_040_384, 11_513_626_624),
    "vgg_11": Size(9_222_848, 152_769_536),
    "vgg_13": Size(9_407_168, 228_267_008),
    "vgg_16": Size(14_715_584, 313_201_664),
    "vgg_19": Size(20_024_000, 398_136_320),
    "alexnet": Size(61_090_496, 714_188_480),
    "inception_v3": Size(23_799_136, 5_713_216_096),
}
PIXELS, CLASSES = 784, 10  # of MNIST
TRAIN_EXAMPLES, TEST_EXAMPLES = 60_000, 10_000  # of MNIST; CIFAR-10 has 50,000 to train on
MOST_LAYERS = 52  # ResNet-152: its first convolution, 50 blocks and its output
MOST_POOLS = 3  # of adversarial examples: the input and two hidden layers
POOL_PASSES = (
    5 * 50
)  # searches and iterations; an upper layer costs less than the whole, as a pass with its gradient more
PASSES = 3  # a step computes the outputs, the gradients of the inputs and those of the weights

# One core: 50,000 steps of LeNet as published took 157 to 219 s, two at once on two cores: 41 to 29 GFLOP/s.
CORE_FLOPS = 30e9
# One GPU, not measured: a fifth of an A100's 19.5 TFLOP/s (its data sheet, float32), as many small networks rarely fill
# it; and 5 ms a step of a block, however small, for the hundreds of kernels that it launches.
GPU_FLOPS = 4e12
GPU_STEP_S = 5e-3

CPUS = {"cpu", "x86_64", "aarch64", "arm64", "arm", "i386"}  # what records call a machine without a GPU


def networks(settings: Settings) -> int:
    """Return how many networks a training job trains: its seeds, times a control's levels and draws."""
    return len(settings["seeds"]) * len(settings.get("levels", [1])) * int(settings.get("draws", 1))


def network_steps(settings: Settings) -> int:
    """Return networks times the steps from their rewind point to the end."""
    return networks(settings) * (int(settings["training"]["steps"]) - int(settings.get("rewind", 0)))


def size(settings: Settings) -> Size:
    """Return the size of a job's network; of one that is not listed, the largest that is."""
    if settings["network"]["name"] == "fc":
        return _fully_connected(**settings["network"])
    largest = max(SIZES.values(), key=lambda one: one.products)
    found = SIZES.get(settings["network"]["name"], largest)
    narrower = min(float(settings["network"].get("width", 1.0)), 1.0) ** 2
    return Size(int(found.weights * narrower), int(found.products * narrower))


def _fully_connected(*, name: str, depth: int = 3, units: int = 256) -> Size:
    """Return the size of a network `fc` on MNIST: its grid is too wide for one number to stand for it."""
    weights = PIXELS * units + (depth - 1) * units**2 + units * CLASSES
    return Size(weights, weights)


def estimate(settings: Settings, *, gpu: bool) -> float:
    """Return the seconds a network-step is estimated to take on one core or one GPU."""
    training, data = TrainingSettings.of(settings["training"]), DataSettings.of(settings["dataset"])
    evaluated = data.validation / training.validate_every + TEST_EXAMPLES / training.test_every
    flop = 2 * size(settings).products * (PASSES * training.batch + evaluated)
    return GPU_STEP_S / networks(settings) + flop / GPU_FLOPS if gpu else flop / CORE_FLOPS


def copied(settings: Settings) -> int:
    """Return how many networks come of each seed and level in a job: one, but copies and controls where it connects."""
    if settings.get("operation") != "connect":
        return 1
    return int(settings["options"].get("copies", 2)) * (1 + len(settings["controls"]))


def connecting(settings: Settings, *, step_s: float, gpu: bool) -> float:
    """Return the seconds that connecting copies takes: their training, at a time a network-step, and their paths.

    A dense network is copied from each of its steps, tickets and controls from their rewind point.
    """
    options, seeds, levels = settings["options"], len(settings["seeds"]), settings["levels"]
    copies, points = int(options.get("copies", 2)), int(options.get("points", 30))
    dense = list(options.get("steps") or [settings["rewind"]]) if 0 in levels else []
    sparse = len([level for level in levels if level]) * (1 + len(settings["controls"]))
    from_steps = [*dense, *[settings["rewind"]] * sparse]
    trained = sum(int(settings["training"]["steps"]) - int(step) for step in from_steps)
    examples = TEST_EXAMPLES + int(options.get("train_examples") or TRAIN_EXAMPLES)
    flop = 2 * size(settings).products * examples * points * len(from_steps) * comb(copies, 2)
    return seeds * (copies * trained * step_s + flop / (GPU_FLOPS if gpu else CORE_FLOPS))


def resetting(settings: Settings, *, step_s: float, gpu: bool) -> float:
    """Return the seconds that probing layers takes: an evaluation for each checkpoint and draw of a layer or set."""
    options, network = settings["options"], settings["network"]
    layers = int(network.get("depth", 3)) + 1 if network["name"] == "fc" else MOST_LAYERS
    sets = layers + len(options.get("joint") or {}) + 1
    probes = sets * (len(options.get("steps", [0])) + int(options.get("draws", 5)) + 1)
    examples = TRAIN_EXAMPLES if options.get("split") == "train" else TEST_EXAMPLES
    flop = 2 * size(settings).products * examples * probes
    return len(settings["seeds"]) * flop / (GPU_FLOPS if gpu else CORE_FLOPS)


def freezing(settings: Settings, *, step_s: float, gpu: bool) -> float:
    """Return the seconds that training with frozen layers takes: a whole training for each set of layers."""
    sets, steps = len(settings["options"]["sets"]), int(settings["training"]["steps"])
    return len(settings["seeds"]) * sets * steps * step_s


def untrained(settings: Settings, *, gpu: bool) -> float:
    """Return the seconds that evaluating untrained masks takes: every criterion, rung and kind of weights."""
    options = settings["options"]
    masks = len(options["criteria"]) * (int(options.get("rounds", 24)) + 1) * len(options.get("weights", "12"))
    examples = TEST_EXAMPLES + DataSettings.of(settings["dataset"]).validation
    flop = 2 * size(settings).products * examples * masks * len(settings["seeds"])
    return flop / (GPU_FLOPS if gpu else CORE_FLOPS)


def finding(settings: Settings, *, gpu: bool) -> float:
    """Return the seconds that finding supermasks takes, by whatever method."""
    options = settings["options"]
    examples = int(options["budget"]) * int(options.get("batch", 250)) * len(settings["seeds"])
    flop = 2 * size(settings).products * PASSES * examples
    return flop / (GPU_FLOPS if gpu else CORE_FLOPS)


def attacking(settings: Settings, *, gpu: bool) -> float:
    """Return the seconds that attacking takes: what each attack asks at most, at each of its distances."""
    options = settings["options"]
    common = options.get("epsilons", [])
    passes = sum(asked(one) * max(1, len(one.get("epsilons", common))) for one in options["attacks"].values())
    return _passing(settings, passes * int(options.get("examples", 1000)), gpu=gpu)


def asked(attack: Settings) -> int:
    """Return how many passes forward an attack may make for one image; one backward counts as two."""
    name = attack["attack"]
    if name in ("one_pixel", "random_pixel"):
        return int(attack.get("population", 400)) * (int(attack.get("generations", 100)) + 1)
    if name in ("nes", "spsa", "square"):
        return int(attack.get("queries", 10_000))
    steps = int(attack.get("steps", 40)) * int(attack.get("restarts", 1)) if name == "pgd" else 1
    if name == "carlini_wagner":
        steps = int(attack.get("steps", 10_000)) * int(attack.get("searches", 9))
    return PASSES * steps


def distorting(settings: Settings, *, gpu: bool) -> float:
    """Return the seconds that the search for the least distortions takes, all iterations of all values of c."""
    options = settings["options"]
    searched = int(options.get("searches", 10)) * int(options.get("iterations", 100)) * PASSES
    return _passing(settings, searched * int(options.get("examples", 256)), gpu=gpu)


def hardening(settings: Settings, *, step_s: float, gpu: bool) -> float:
    """Return the seconds that adversarial training takes.

    A step on the examples, one on untouched images and each step of an attack cost a usual step (measured on LeNet and
    Conv-2: 2.1 steps for FGSM alone, 3.1 beside untouched images, 10.4 for ten steps of PGD alone); pools also cost the
    search for what is renewed.
    """
    options, steps = settings["options"], int(settings["training"]["steps"])
    adversary, share = options.get("adversary", "pgd"), float(options.get("clean_share", 0.0))
    attack_steps = {"fgsm": 1, "pools": MOST_POOLS}.get(adversary, int(options.get("adversary_steps", 10)))
    trained = len(settings["seeds"]) * steps * (attack_steps + (share < 1) + (share > 0)) * step_s
    if adversary != "pools":
        return trained
    renewed = steps // int(options.get("pool_every", 100)) * int(options.get("pool_renewed", 100))
    return trained + _passing(settings, renewed * MOST_POOLS * POOL_PASSES, gpu=gpu)


def _passing(settings: Settings, images: int, *, gpu: bool) -> float:
    """Return the seconds that so many images a seed take to go forward through the network."""
    flop = 2 * size(settings).products * images * len(settings["seeds"])
    return flop / (GPU_FLOPS if gpu else CORE_FLOPS)


def likeness(settings: Settings) -> str:
    """Return what two jobs must share for the time of one to tell that of the other: network, data, batch."""
    return canonical([settings["network"], settings["dataset"]["name"], settings["training"]["batch"]])


def measured(results: str | Path, *, gpu: bool) -> dict[str, float]:
    """Return {likeness: median seconds a network-step} of the finished trainings with (or without) a GPU.

    The median, because some were killed and tell only the time since, and some shared their machine.
    """
    found: dict[str, list[float]] = defaultdict(list)
    for path in sorted(Path(results).glob("*/*/*/**/record.json")):
        record = _training(path)
        if record and (record["device"] not in CPUS) == gpu:
            settings = record["settings"]
            found[likeness(settings)].append(record["training_s"] / network_steps(settings))
    return {which: median(times) for which, times in found.items()}


def _training(path: Path) -> dict[str, Any]:
    """Return the record of a training; of anything else, or of a file that cannot be read, nothing."""
    try:
        record = read_json(path)
    except ReproofError:
        return {}
    return record if isinstance(record, dict) and "training_s" in record else {}
