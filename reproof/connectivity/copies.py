"""Copies of a network: trained to the end from one start, each under SGD noise of its own."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import torch

from reproof import catalogue
from reproof.checkpoints import Weights
from reproof.connectivity.line import State
from reproof.jobs.subject import Subject
from reproof.jobs.training import member
from reproof.pruning.ticket import Ticket
from reproof.seeding import derive
from reproof.training.members import Member


@dataclass(frozen=True)
class Place:
    """What is copied: the networks of a level and arm, as they are at a step of training."""

    level: int
    arm: str
    step: int


@dataclass(frozen=True, eq=False)
class Copies:
    """The trained copies of one seed's network; `origin` is that network before any training."""

    place: Place
    seed: int
    origin: State
    ends: list[State]


@dataclass(frozen=True, eq=False)
class _Start:
    """One seed's network at a place, ready to be copied; `trained` if the plan has trained a first copy already."""

    place: Place
    seed: int
    ticket: Ticket
    origin: State
    trained: State | None

    def members(self, copies: int) -> list[Member]:
        """Return the copies still to be trained; no two share a data order, nor one with any other training."""
        place = self.place
        arm = f"copy of {place.arm} from {place.step}"
        numbers = range(1 if self.trained else 0, copies)
        return [member(self.ticket, seed=self.seed, arm=arm, level=place.level, draw=number) for number in numbers]


def trained_copies(subject: Subject, *, copies: int, steps: Sequence[int]) -> Iterator[list[Copies]]:
    """Yield, for each place that a subject asks for, the copies of all its seeds.

    A copy starts from the weights at the place's step, the schedule going on from there, with fresh optimiser state:
    as tickets are rewound. Where the plan has trained such a network (a ticket, a dense network from step 0) it is the
    first copy.
    """
    for group in _groups(subject, steps):
        starts = [start for place in group for start in _starts(subject, place)]
        members = [member for start in starts for member in start.members(copies)]
        label = f"copies{group[0].step}{'' if group[0].level else '-dense'} from step {group[0].step}"
        trained = subject.job.train(members, label=label, first_step=group[0].step)
        ends = iter(_states(trained.points["final"], len(members)))
        done = [_finished(start, ends, copies) for start in starts]
        for place in group:
            yield [one for one in done if one.place == place]


def _groups(subject: Subject, steps: Sequence[int]) -> Iterator[list[Place]]:
    """Yield the places that train together: a dense network's steps one by one, the tickets and controls at once."""
    rewind, controls = subject.job.asked["rewind"], subject.job.asked["controls"]
    if 0 in subject.levels:
        yield from ([Place(0, "ticket", step)] for step in steps or [rewind])
    sparse = [Place(level, arm, rewind) for level in subject.levels if level for arm in ("ticket", *controls)]
    yield from [sparse] if sparse else []


def _starts(subject: Subject, place: Place) -> Iterator[_Start]:
    sources = subject.at_step(place.step), subject.at_step(0), subject.masks(place.level), _known(subject, place)
    for seed, weights, initial, masks, trained in zip(subject.seeds, *sources, strict=True):
        ticket = _ticket(subject, place, seed, Ticket(start=weights, masks=masks))
        origin = _ticket(subject, place, seed, Ticket(start=initial, masks=masks))
        yield _Start(place, seed, ticket, member(origin, seed=seed, arm=place.arm).start(torch.device("cpu")), trained)


def _known(subject: Subject, place: Place) -> list[State | None]:
    """Return what the plan has trained from the weights of a place with fresh optimiser state, seed by seed."""
    if place.arm == "ticket" and (place.level or place.step == 0):
        return [_tensors(weights) for weights in subject.tickets(place.level)]
    return [None for _ in subject.seeds]


def _ticket(subject: Subject, place: Place, seed: int, ticket: Ticket) -> Ticket:
    """Return the ticket, or with the arm's one thing broken: as `train_control` breaks it for its first draw."""
    if place.arm == "ticket":
        return ticket
    job, which = subject.job, (seed, place.arm, place.level, 0)
    whole = replace(ticket, fresh=job.fresh(*which), deviations=job.deviations())
    chance = np.random.default_rng(derive("control", *which))
    asked = job.asked["controls"][place.arm]
    control: Callable[..., Ticket] = catalogue.load("pruning", "control", asked["control"])
    return control(whole, chance, **asked["options"])


def _finished(start: _Start, ends: Iterator[State], copies: int) -> Copies:
    known = [start.trained] if start.trained else []
    return Copies(start.place, start.seed, start.origin, [*known, *islice(ends, copies - len(known))])


def _states(stacked: State, members: int) -> list[State]:
    return [{name: value[number] for name, value in stacked.items()} for number in range(members)]


def _tensors(weights: Weights) -> State:
    return {name: torch.from_numpy(np.array(value)) for name, value in weights.items()}
