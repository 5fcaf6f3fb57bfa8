"""What jobs ask a cluster for: GPUs as the scale says, time and memory from what is to be trained."""

from collections.abc import Mapping
from functools import cached_property
from math import ceil
from typing import Any

from reproof.declarations.costs import Work, count_network_steps, count_networks
from reproof.planning.cost_model import (
    Duration,
    compute_size,
    compute_work,
    describe_likeness,
    estimate_step_seconds,
    estimate_work_seconds,
    read_step_times,
)
from reproof.planning.plan import Plan
from reproof.registry import list_registered

TRAINING = ("train_dense", "retrain", "train_control")
START_S = 10  # two starts of Snakemake and one of torch
LIGHT_S = {"fetch_dataset": 300, "measure_movement": 30, "collect": 60}  # others take LIGHT_S_ELSE; all by experience
LIGHT_S_ELSE = 15
LEAST_MINUTES = 10  # below that a busy file system decides, and no cluster starts a job sooner for asking less
MOST_HOURS = 24  # what partitions usually allow; a job that asks for more would never start
HEADROOM = {True: 1.5, False: 3.0}  # a measured time varies by the machine's load, an estimate is less sure
TRAINING_MB = 3000  # torch, and a data set as bytes; twice what full MNIST takes on a CPU
GPU_MB = 2000  # what CUDA takes of the machine's memory besides
COPIES = 10  # of a block's weights: start, mask, now, gradient, two moments; and the last four as they are saved
TABLES_MB, TABLE_MB = 2000, 4  # pandas and scipy, and the curves of one training


class Requested:
    """GPUs, minutes and memory of the jobs of a plan; memory at the first attempt.

    Minutes come from the trainings recorded under `results`, or without it from the estimate alone.
    """

    def __init__(self, plan: Plan, *, results: str | None = None) -> None:
        self.plan = plan
        self.results = results

    @property
    def gpus(self) -> int:
        """GPUs of a training job: one or none."""
        return int(self.plan.configuration.blocks.get("gpu", 0))

    @cached_property
    def _measured(self) -> dict[str, float]:
        return read_step_times(self.results, gpu=self.gpus > 0) if self.results else {}

    def estimate_duration(self, rule: str, wildcards: Mapping[str, str]) -> Duration:
        """Return how long a job of a rule should take."""
        if rule not in (*TRAINING, *list_registered("operations", "operation")):
            return Duration(LIGHT_S.get(rule, LIGHT_S_ELSE), measured=False)
        settings = self._settings(rule, wildcards)
        work = self._work(rule, wildcards, settings)
        known = self._measured.get(describe_likeness(settings))
        step_s = estimate_step_seconds(settings, gpu=self.gpus > 0) if known is None else known
        seconds = estimate_work_seconds(work, settings, step_s=step_s, gpu=self.gpus > 0)
        return Duration(START_S + seconds, known is not None and work.steps is not None)

    def limit_time(self, rule: str, wildcards: Mapping[str, str], attempt: int = 1) -> int:
        """Return the time limit of a training job at an attempt, never more than the longest that the scale allows."""
        expected = self.estimate_duration(rule, wildcards)
        needed = max(LEAST_MINUTES, ceil(expected.seconds * HEADROOM[expected.measured] / 60))
        return min(needed * attempt, 60 * int(self.plan.configuration.blocks.get("hours", MOST_HOURS)))

    def compute_mb(self, rule: str, wildcards: Mapping[str, str]) -> int:
        """Return the memory of a training job in MB."""
        settings = self._settings(rule, wildcards)
        copies = self._work(rule, wildcards, settings).copies
        weights_mb = count_networks(settings) * copies * compute_size(settings).weights * 4 / 1e6
        return TRAINING_MB + GPU_MB * self.gpus + ceil(COPIES * weights_mb)

    def compute_tables_mb(self, paper: str) -> int:
        """Return the memory, in MB, of a job that reads all tables of a paper."""
        return TABLES_MB + TABLE_MB * len(self.plan.list_curves(paper))

    def _settings(self, rule: str, wildcards: Mapping[str, str]) -> Mapping[str, Any]:
        return self.plan.find_job(rule, wildcards).settings

    def _work(self, rule: str, wildcards: Mapping[str, str], settings: Mapping[str, Any]) -> Work:
        """Return the work of a job: what its operation declares, or its training; two under strategy 2."""
        if rule not in TRAINING:
            return compute_work(rule, settings)
        return Work(steps=count_network_steps(settings) * self.plan.find_job(rule, wildcards).trainings)
