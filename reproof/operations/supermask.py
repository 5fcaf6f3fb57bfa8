"""Learned supermasks: masks for constant weights, by three methods with equal budgets."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import sqrt

import torch
from torch import Tensor, nn

from reproof.declarations.costs import PASSES, Settings, Work
from reproof.declarations.layers import Options, Sizes, keep_shares
from reproof.metrics import COUNT, SHARE, Metric
from reproof.operations.common.subject import Row, Rows, Subject, convert_to_tensors, operation
from reproof.operations.untrained import make_constants
from reproof.seeding import derive
from reproof.settings import TrainingSettings
from reproof.storage.checkpoints import read_kinds
from reproof.storage.files import ReproofError
from reproof.supermasks.budget import Budget
from reproof.supermasks.genetic import Breeding, Generation
from reproof.supermasks.masked import MaskedNetwork, MaskRule
from reproof.supermasks.rules import draw_bernoulli_mask, select_popup_mask
from reproof.supermasks.search import Search
from reproof.training.members import Member
from reproof.training.state import State

METHODS = {"bernoulli": "Bernoulli", "popup": "edge-popup", "genetic": "genetic"}
WATCHED = 20  # measured points of the progress


METRICS = (
    Metric("supermask_test_accuracy", SHARE, words="test accuracy"),
    Metric("supermask_validation_accuracy", SHARE),
    Metric("supermask_share_of_ones", SHARE),
    Metric("supermask_passes", COUNT),
    Metric("supermask_progress_accuracy", SHARE, axis="pass"),
)


def compute_supermask_work(settings: Settings) -> Work:
    """Return the budget as passes; every method spends all of it."""
    options = settings["options"]
    examples = int(options["budget"]) * int(options.get("batch", 250)) * len(settings["seeds"])
    return Work(passes=PASSES * examples)


def count_supermask_kept(options: Options, sizes: Sizes) -> Sizes:
    """Return how many weights each layer keeps; a Bernoulli mask keeps as many as it learns to."""
    if options.get("method", "bernoulli") == "bernoulli":
        return sizes
    return keep_shares(sizes, dict.fromkeys(sizes, 1 - options.get("kept", 0.5)))


@operation(metrics=METRICS, cost=compute_supermask_work, keeps=count_supermask_kept)
def supermask(
    subject: Subject,
    *,
    method: str = "bernoulli",
    constant: bool = False,
    rescaled: bool = False,
    budget: int,
    batch: int = 250,
    lr: float = 100.0,
    momentum: float = 0.9,
    samples: int = 10,
    kept: float = 0.5,
    parents: int = 16,
    children: int = 32,
    mutation: float = 0.002,
    examples: int = 1000,
) -> Rows:
    """Find a mask for the initial weights of each seed, or for signed constants (`constant`).

    "bernoulli" (Zhou et al. 2019, section 5.2) learns a probability per weight by gradient descent; `samples` masks
    drawn at the end are measured, one per `draw`. "popup" (Ramanujan et al. 2020) learns scores and keeps the share
    `kept` with the greatest. "genetic" breeds masks and measures the fittest. `rescaled` is dynamic weight rescaling
    for the first two. The `budget` is in steps on batches of `batch`; a genetic search gets an equal number of forward
    passes. No method sees validation or test examples. `part` names method, weights and rescaling; the column `kept` is
    the share of ones. Raises ReproofError for an unknown method.
    """
    if method not in METHODS:
        raise ReproofError(f"method: {method!r} is unknown; choose one of {', '.join(METHODS)}")
    # Initial weights only: a learned mask needs no trained network.
    (starts,) = subject.read_dense("step0")
    kinds = read_kinds(subject.dense_file)
    # In passes, so that methods of equal budgets can be compared at equal cost.
    allowed = Budget(steps=budget, batch=batch)
    for seed, start in zip(subject.seeds, starts, strict=True):
        task = Task(subject, seed, convert_to_tensors(make_constants(start, kinds) if constant else start), allowed)
        if method == "genetic":
            breeding = Breeding(parents=parents, children=children, mutation=mutation, kept=kept)
            found = breed_masks(task, breeding, examples=examples)
        else:
            module = task.make_masked(
                draw_bernoulli_mask if method == "bernoulli" else partial(select_popup_mask, kept=kept),
                rescaled=rescaled,
            )
            found = learn_masks(task, module, lr=lr, momentum=momentum, samples=samples if method == "bernoulli" else 1)
        part = ", ".join([METHODS[method], "constants" if constant else "initial", *["rescaled"] * rescaled])
        yield from ({"level": 0, "kept": 1.0, "seed": seed, "part": part} | row for row in found)


@dataclass(frozen=True, eq=False)
class Task:
    """The search for masks of one seed's network: its constant weights and the budget."""

    subject: Subject
    seed: int
    weights: State
    budget: Budget

    @property
    def noise(self) -> int:
        """The seed of every random draw of the search."""
        return derive("noise", self.seed, "supermask")

    def build_network(self) -> nn.Module:
        """Return the network with its weights."""
        module = self.subject.job.build_network()
        module.load_state_dict(self.weights)
        return module

    def make_masked(self, rule: MaskRule, *, rescaled: bool) -> MaskedNetwork:
        """Return the network with learnable masks; scores start at 0 for `bernoulli`, else uniform."""
        module = MaskedNetwork(self.build_network(), rule, rescaled=rescaled)
        module.noise.fill_(self.noise)
        # Edge-popup ranks |scores|: equal scores would have no order and leave the mask to the partition.
        if rule is not draw_bernoulli_mask:
            generator = torch.Generator().manual_seed(derive("scores", self.noise))
            for scores in module.scores.values():
                bound = 1 / sqrt(
                    scores[0].numel()
                )  # the default of PyTorch for weights, which the authors use for scores
                with torch.no_grad():
                    scores.copy_(torch.rand(scores.shape, generator=generator).mul_(2 * bound).sub_(bound))
        return module

    def measure(self, states: Sequence[State], shares: Sequence[float]) -> Iterator[Row]:
        """Yield test and validation accuracy of the states {name: [*shape]} and their shares of ones, by draw."""
        dataset = self.subject.job.dataset
        yield {"metric": "supermask_passes", "value": float(self.budget.passes)}
        # Once, after the search: no method chooses by these accuracies.
        for split in ("test", "validation"):
            examples = getattr(dataset, split)
            accuracy = self.subject.evaluate(states, examples)["accuracy"].tolist() if len(examples) else []
            for draw, value in enumerate(accuracy):
                yield {"metric": f"supermask_{split}_accuracy", "kept": shares[draw], "draw": draw, "value": value}
        for draw, share in enumerate(shares):
            yield {"metric": "supermask_share_of_ones", "draw": draw, "value": share}

    def make_progress_row(self, passes: int, accuracy: float) -> Row:
        """Return the row of the validation accuracy after a number of passes."""
        return {"metric": "supermask_progress_accuracy", "at": float(passes), "value": accuracy}


def learn_masks(task: Task, module: MaskedNetwork, *, lr: float, momentum: float, samples: int) -> Iterator[Row]:
    """Learn scores by gradient descent and measure the masks drawn from the final scores."""
    budget = task.budget
    every = max(1, budget.steps // WATCHED)
    # No test measurement on the way: `test_every` lies beyond the last step.
    settings = TrainingSettings(
        optimizer="sgd", lr=lr, momentum=momentum, batch=budget.batch, steps=budget.steps,
        validate_every=every, test_every=every * budget.steps,
    )  # fmt: skip
    state = {name: value.clone() for name, value in module.state_dict().items()}
    member = Member(seed=task.seed, weights=state, noise=task.noise)
    # Not stacked on a GPU: each network draws its masks with its own seed.
    trained = task.subject.job.train(
        [member], module=module, settings=settings, label=f"supermask {task.seed}", stacked=False
    )
    curves = trained.curves
    for step, split, value in zip(curves["step"], curves["split"], curves["accuracy"], strict=True):
        if split == "validation":
            yield task.make_progress_row(budget.count_passes(int(step)), float(value))
    module.load_state_dict({name: value[0] for name, value in trained.points["final"].items()})
    module = module.to("cpu")  # the same random draws with and without a GPU
    with torch.no_grad():
        drawn = [module.draw_masks(("sample", number)) for number in range(samples)]
        states = [module.apply_masks(masks) for masks in drawn]
    yield from task.measure(states, [_compute_share(masks) for masks in drawn])


def breed_masks(task: Task, breeding: Breeding, *, examples: int) -> Iterator[Row]:
    """Breed masks and measure the fittest mask of the last generation."""
    job = task.subject.job
    saved = job.make_saving(f"supermask {task.seed}")
    search = Search(task.build_network(), task.weights, job.dataset, breeding, examples, task.noise, device=job.device)
    # Parents are judged again in each generation, on its fresh batch, and this costs passes as well.
    judged = breeding.parents + breeding.children
    generations = task.budget.count_generations(judged=judged, examples=examples)
    # The progress is for a figure and is not counted as passes.
    every = max(1, generations // WATCHED)
    with saved.defer_signals():
        last, watched = search.run(
            generations, watch=partial(_measure_fittest, task, search), every=every, saving=saved
        )
    yield from (task.make_progress_row(number * judged * examples, accuracy) for number, accuracy in watched.items())
    # Index 0 is the fittest: a generation is sorted.
    share = _compute_share({name: masks[0].float() for name, masks in last.masks.items()})
    yield from task.measure([search.apply_masks(last.masks, 0)], [share])


def _measure_fittest(task: Task, search: Search, one: Generation) -> float:
    """Return the validation accuracy of the fittest mask of a generation; NaN without validation examples."""
    examples = task.subject.job.dataset.validation
    if not len(examples):
        return float("nan")
    return float(task.subject.evaluate([search.apply_masks(one.masks, 0)], examples)["accuracy"])


def _compute_share(masks: Mapping[str, Tensor]) -> float:
    """Return the share of ones, in [0, 1], over all masks {name: 0/1 of the weight's shape}."""
    return float(sum(mask.sum() for mask in masks.values())) / sum(mask.numel() for mask in masks.values())
