"""Copies of a network: trained to the end from one start, each under SGD noise of its own."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import torch

from reproof import registry
from reproof.connectivity.line import State
from reproof.operations.common.subject import Subject, convert_to_tensors
from reproof.operations.common.training_job import make_member
from reproof.pruning.ticket import Ticket
from reproof.seeding import derive
from reproof.storage.files import ReproofError
from reproof.training.members import Member
from reproof.training.variants import unstack


@dataclass(frozen=True)
class CopySource:
    """What is copied: the networks of a level and arm, as they are at a step of training."""

    level: int
    arm: str
    step: int


@dataclass(frozen=True, eq=False)
class Copies:
    """The trained copies of one seed's network, and each one's origin: its weights before any training."""

    place: CopySource
    seed: int
    origins: list[State]
    ends: list[State]


@dataclass(frozen=True)
class CopyOptions:
    """How networks are copied.

    `copies` counts them. They share the weights at a step of training, or with `between` "starts" nothing: each has an
    initialisation of its own (a contrast). `schedule` "continued" goes on from that step; "anew" trains for the whole
    budget from step 0 of the schedule.
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
    """One seed's networks at a place, ready to be trained; `trained` if the plan has trained the first of them."""

    place: CopySource
    seed: int
    tickets: list[Ticket]
    origins: list[State]
    trained: State | None

    def make_members(self) -> list[Member]:
        """Return the networks still to be trained; no two share a data order, nor one with any other training."""
        place, untrained = self.place, list(enumerate(self.tickets))[1 if self.trained else 0 :]
        arm = f"copy of {place.arm} from {place.step}"
        return [make_member(one, seed=self.seed, arm=arm, level=place.level, draw=number) for number, one in untrained]


def train_copies(subject: Subject, *, wanted: CopyOptions, steps: Sequence[int]) -> Iterator[list[Copies]]:
    """Yield, for each place that a subject asks for, the copies of all its seeds.

    A copy starts from the weights at the place's step, the schedule going on from there, with fresh optimiser state:
    as tickets are rewound. Where the plan has trained such a network (a ticket, a dense network from step 0) it is the
    first copy.
    """
    for group in _group_sources(subject, steps):
        starts = [start for place in group for start in _make_starts(subject, place, wanted)]
        members = [member for start in starts for member in start.make_members()]
        step = 0 if wanted.schedule == "anew" else group[0].step
        label = f"copies of {'tickets' if group[0].level else 'dense networks'} from step {group[0].step}"
        trained = subject.job.train(members, label=label, first_step=step)
        ends = iter(unstack(trained.points["final"]))
        done = [_join_copies(start, ends) for start in starts]
        for place in group:
            yield [one for one in done if one.place == place]


def _group_sources(subject: Subject, steps: Sequence[int]) -> Iterator[list[CopySource]]:
    """Yield the places that train together: a dense network's steps one by one, the tickets and controls at once."""
    rewind, controls = subject.job.settings["rewind"], subject.job.settings["controls"]
    if 0 in subject.levels:
        yield from ([CopySource(0, "ticket", step)] for step in steps or [rewind])
    sparse = [CopySource(level, arm, rewind) for level in subject.levels if level for arm in ("ticket", *controls)]
    yield from [sparse] if sparse else []


def _make_starts(subject: Subject, place: CopySource, wanted: CopyOptions) -> Iterator[_Start]:
    sources = subject.read_step(place.step), subject.read_step(0), subject.get_masks(place.level)
    known = _read_trained(subject, place, wanted)
    for seed, weights, initial, masks, trained in zip(subject.seeds, *sources, known, strict=True):
        one = _make_ticket(subject, place, seed, Ticket(start=weights, masks=masks))
        origin = _make_ticket(subject, place, seed, Ticket(start=initial, masks=masks))
        fresh = wanted.between == "starts"
        others = [replace(one, start=subject.job.draw_weights(seed, "other start", n)) for n in range(1, wanted.copies)]
        tickets = [one, *(others if fresh else [one] * len(others))]
        origins = [origin, *(others if fresh else [origin] * len(others))]
        yield _Start(place, seed, tickets, [_mask_start(each) for each in origins], trained)


def _mask_start(ticket: Ticket) -> State:
    """Return the weights that a ticket starts from, those outside its mask zero."""
    return make_member(ticket, seed=0, arm="origin").start(torch.device("cpu"))


def _read_trained(subject: Subject, place: CopySource, wanted: CopyOptions) -> list[State | None]:
    """Return what the plan has trained from the weights of a place with fresh optimiser state, seed by seed."""
    as_planned = place.step == 0 or (place.level > 0 and wanted.schedule == "continued")
    if place.arm == "ticket" and as_planned:
        return [convert_to_tensors(weights) for weights in subject.read_tickets(place.level)]
    return [None for _ in subject.seeds]


def _make_ticket(subject: Subject, place: CopySource, seed: int, ticket: Ticket) -> Ticket:
    """Return the ticket, or with the arm's one thing broken: as `train_control` breaks it for its first draw."""
    if place.arm == "ticket":
        return ticket
    job, which = subject.job, (seed, place.arm, place.level, 0)
    whole = replace(ticket, fresh=job.draw_weights(*which), deviations=job.compute_deviations())
    chance = np.random.default_rng(derive("control", *which))
    asked = job.settings["controls"][place.arm]
    control: Callable[..., Ticket] = registry.load("pruning", "control", asked["control"])
    return control(whole, chance, **asked["options"])


def _join_copies(start: _Start, ends: Iterator[State]) -> Copies:
    known = [start.trained] if start.trained else []
    finished = [*known, *islice(ends, len(start.tickets) - len(known))]
    return Copies(start.place, start.seed, start.origins, finished)
