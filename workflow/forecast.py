"""Print what a scale would cost: python -m workflow.forecast SCALE, or `make plan SCALE=paper`.

The jobs are those of Snakemake's own dry run. It sends each of them to its logger, where a filter keeps them.
"""

import logging
from pathlib import Path

from snakemake.cli import main as snakemake
from snakemake.logging import logger
from snakemake_interface_logger_plugins.common import LogEvent

from reproof.experiments.configuration import read_configuration
from reproof.experiments.strict_yaml import read_yaml
from reproof.planning.forecast import Job, format_forecast
from reproof.planning.plan import Plan
from reproof.planning.resources import Requested
from workflow.command import run_command

TARGET = "results/figures/all"
NOTE = """
Times are without waiting in the queue. Measured: the median over the trainings of the same network, data and batch that
are recorded under results/, on the same kind of device. Estimated: see reproof/planning/cost_model.py. A job may take
1.5 times as long as measured, or 3 times as long as estimated, and twice and three times that at its next attempts."""


class Listener(logging.Filter):
    """Keeps what Snakemake logs of each job, and lets only errors through.

    A filter, because Snakemake replaces the handlers of its logger when it starts.
    """

    def __init__(self) -> None:
        super().__init__()
        self.jobs: list[logging.LogRecord] = []

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep the record if it is about a job; return whether Snakemake prints it."""
        if getattr(record, "event", None) == LogEvent.JOB_INFO:
            self.jobs.append(record)
        return record.levelno >= logging.ERROR


def dry_run(scale: str) -> list[logging.LogRecord]:
    """Return what Snakemake logs of each job that it would run at a scale; end the program as it does if it fails."""
    listener = Listener()
    logger.addFilter(listener)
    try:
        snakemake(["-n", "--config", f"scale={scale}", "--", TARGET])
    except SystemExit as end:
        if end.code:
            raise
    return listener.jobs


def jobs(scale: str) -> list[Job]:
    """Return the jobs that a scale still needs, each with the time it should take."""
    logged = dry_run(scale)
    plan = Plan(read_configuration(read_yaml(Path("config/config.yaml")) | {"scale": scale}))
    requested = Requested(plan, results="results")
    return [_job(record, requested) for record in logged]


def _job(record: logging.LogRecord, requested: Requested) -> Job:
    one = vars(record)
    return Job(
        rule=one["rule_name"],
        inputs=tuple(one["input"]),
        outputs=tuple(one["output"]),
        duration=requested.estimate_duration(one["rule_name"], one["wildcards"]),
        gpus=one["resources"].get("gpu", 0),
        cores=one["threads"],
    )


def main(scale: str) -> None:
    """Print the table and the longest chain."""
    print(f"Scale {scale}: what is still to be done for {TARGET}\n")
    print(format_forecast(jobs(scale)))
    print(NOTE)


if __name__ == "__main__":
    run_command(main, "python -m workflow.forecast SCALE")
