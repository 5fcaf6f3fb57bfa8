"""What the wildcard {run} stands for: each run of each paper, by the names of its parts."""

from collections.abc import Sequence
from functools import cached_property

from reproof.files import ReproofError
from reproof.runs import Run


class Index:
    """Runs by the names of their dense networks, tickets, controls and evaluations.

    Of runs that share a name, the one that asks for most stands for it.
    """

    def __init__(self, runs: Sequence[Run], scale: str) -> None:
        self.every, self._scale = runs, scale

    @cached_property
    def dense(self) -> dict[str, Run]:
        """Runs by the name of their dense network."""
        return {run.dense: run for run in self.every}

    @cached_property
    def tickets(self) -> dict[str, Run]:
        """Runs by the name of their tickets; of several the one with most levels."""
        return {run.tickets: run for run in sorted(self.every, key=lambda run: run.levels)}

    @cached_property
    def controls(self) -> dict[str, tuple[Run, str]]:
        """(run, arm) by the name of the control; of several the one with most draws."""
        arms = [(run, arm) for run in self.every for arm in run.controls]
        most_draws_last = sorted(arms, key=lambda one: one[0].controls[one[1]].draws)
        return {run.control(arm): (run, arm) for run, arm in most_draws_last}

    @cached_property
    def evaluations(self) -> dict[str, tuple[Run, str]]:
        """(run, evaluation) by the name of its results."""
        return {run.evaluation(name): (run, name) for run in self.every for name in run.evaluations}

    def run(self, name: str) -> Run:
        """Return the run that a name belongs to; raise ReproofError if none of this scale has it."""
        both = self.controls.get(name) or self.evaluations.get(name) or (None, "")
        found = self.dense.get(name) or self.tickets.get(name) or both[0]
        if found is None:
            raise ReproofError(
                f"results/*/{name}: no run of scale {self._scale} has this name; it is of other settings"
            )
        return found
