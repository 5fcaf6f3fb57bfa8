"""Copies of a network: trained from the same weights to the end, each with its own SGD noise."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import torch

from reproof import registry
from reproof.operations.common.subject import Subject, convert_to_tensors
from reproof.operations.common.training_job import make_member
from reproof.pruning.ticket import Ticket
from reproof.seeding import derive
from reproof.storage.files import ReproofError
from reproof.training.members import Member
from reproof.training.state import State
from reproof.training.variants import unstack


@dataclass(frozen=True)
class CopySource:
    """The origin of copies: the networks of a level and arm at a step of training."""

    level: int
    arm: str
    step: int


@dataclass(frozen=True, eq=False)
class Copies:
    """The copies of the network of one seed: `ends` are trained, `origins` are the weights at step 0.

    A state is {name: float32 of the shape of the weight}; origins are 0 outside the mask.
    """

    place: CopySource
    seed: int
    origins: list[State]
    ends: list[State]


@dataclass(frozen=True)
class CopyOptions:
    """Options of copying; raises ReproofError for unknown words and for fewer than two copies.

    The copies share the weights at a step of training. With `between` "starts" (a contrast) each copy has its own
    initialisation. The `schedule` "continued" continues from that step. The schedule "anew" trains for the whole budget
    from step 0 of the schedule.
    """

    copies: int = 2
    between: str = "copies"
    schedule: str = "continued"

    def __post_init__(self) -> None:
        for key, known in (("between", ("copies", "starts")), ("schedule", ("continued", "anew"))):
            if getattr(self, key) not in known:
                raise ReproofError(f"{key}: {getattr(self, key)!r} is unknown; choose one of {', '.join(known)}")
        if self.copies < 2:
            raise ReproofError(f"copies: {self.copies} make no pair; at least 2")


@dataclass(frozen=True, eq=False)
class _Start:
    """The untrained copies of one seed; `trained` is the final state of the first one if the plan has trained it."""

    place: CopySource
    seed: int
    tickets: list[Ticket]
    origins: list[State]
    trained: State | None

    def make_members(self) -> list[Member]:
        """Return the networks that remain to be trained, each with a data order that no other training has."""
        place, untrained = self.place, list(enumerate(self.tickets))[1 if self.trained else 0 :]
        # The words are a part of the seed: each copy has its own data order, augmentation and dropout masks.
        arm = f"copy of {place.arm} from {place.step}"
        return [make_member(one, seed=self.seed, arm=arm, level=place.level, draw=number) for number, one in untrained]


def train_copies(subject: Subject, *, wanted: CopyOptions, steps: Sequence[int]) -> Iterator[list[Copies]]:
    """Yield, for each level, arm and step of the settings, the copies of all seeds.

    Like a rewound ticket, a copy starts from the weights at the step, with fresh optimiser state. If the plan has
    trained such a network (a ticket, a dense network from step 0), that is the first copy.
    """
    for group in _group_sources(subject, steps):
        starts = [start for place in group for start in _make_starts(subject, place, wanted)]
        members = [member for start in starts for member in start.make_members()]
        # The place in the learning-rate schedule, not the weights: those are of the group's step in both cases.
        step = 0 if wanted.schedule == "anew" else group[0].step
        label = f"copies of {'tickets' if group[0].level else 'dense networks'} from step {group[0].step}"
        trained = subject.job.train(members, label=label, first_step=step)
        # All members of a group trained as one block, in the order of `starts`.
        ends = iter(unstack(trained.points["final"]))
        done = [_join_copies(start, ends) for start in starts]
        for place in group:
            yield [one for one in done if one.place == place]


def _group_sources(subject: Subject, steps: Sequence[int]) -> Iterator[list[CopySource]]:
    """Yield the sources that train together: each step of dense networks alone, all tickets and controls together."""
    rewind, controls = subject.job.settings["rewind"], subject.job.settings["controls"]
    if 0 in subject.levels:
        yield from ([CopySource(0, "ticket", step)] for step in steps or [rewind])
    # Controls are copied like tickets, from the same step, so that only the control differs.
    sparse = [CopySource(level, arm, rewind) for level in subject.levels if level for arm in ("ticket", *controls)]
    yield from [sparse] if sparse else []


def _make_starts(subject: Subject, place: CopySource, wanted: CopyOptions) -> Iterator[_Start]:
    """Yield the untrained copies of each seed at one source."""
    sources = subject.read_step(place.step), subject.read_step(0), subject.get_masks(place.level)
    known = _read_trained(subject, place, wanted)
    for seed, weights, initial, masks, trained in zip(subject.seeds, *sources, known, strict=True):
        one = _make_ticket(subject, place, seed, Ticket(start=weights, masks=masks))
        origin = _make_ticket(subject, place, seed, Ticket(start=initial, masks=masks))
        fresh = wanted.between == "starts"
        others = [replace(one, start=subject.job.draw_weights(seed, "other start", n)) for n in range(1, wanted.copies)]
        # The first copy keeps the run's own start: it is the one that the plan may have trained.
        tickets = [one, *(others if fresh else [one] * len(others))]
        origins = [origin, *(others if fresh else [origin] * len(others))]
        yield _Start(place, seed, tickets, [_mask_start(each) for each in origins], trained)


def _mask_start(ticket: Ticket) -> State:
    """Return the initial weights of a ticket, with zeros outside its mask."""
    return make_member(ticket, seed=0, arm="origin").make_start(torch.device("cpu"))


def _read_trained(subject: Subject, place: CopySource, wanted: CopyOptions) -> list[State | None]:
    """Return, by seed, the final state that the plan has trained from the same weights; None if there is none."""
    # Only a training from the same step under the same schedule is a copy. The dense one began at step 0, where both
    # schedules agree; tickets begin at the rewind point.
    as_planned = place.step == 0 or (place.level > 0 and wanted.schedule == "continued")
    if place.arm == "ticket" and as_planned:
        return [convert_to_tensors(weights) for weights in subject.read_tickets(place.level)]
    return [None for _ in subject.seeds]


def _make_ticket(subject: Subject, place: CopySource, seed: int, ticket: Ticket) -> Ticket:
    """Return the ticket, or its control for another arm: the same as the first draw of `train_control`."""
    if place.arm == "ticket":
        return ticket
    job, which = subject.job, (seed, place.arm, place.level, 0)
    whole = replace(ticket, fresh=job.draw_weights(*which), deviations=job.compute_deviations())
    chance = np.random.default_rng(derive("control", *which))
    asked = job.settings["controls"][place.arm]
    control: Callable[..., Ticket] = registry.load("pruning", "control", asked["control"])
    return control(whole, chance, **asked["options"])


def _join_copies(start: _Start, ends: Iterator[State]) -> Copies:
    """Return the copies of one seed; those that the plan has not trained are taken from `ends`."""
    # In the order of `tickets`: the trained one first.
    known = [start.trained] if start.trained else []
    finished = [*known, *islice(ends, len(start.tickets) - len(known))]
    return Copies(start.place, start.seed, start.origins, finished)
