"""What jobs ask a cluster for, as the scale says."""

from dataclasses import dataclass

from reproof.configuration import Configuration


@dataclass(frozen=True)
class Requested:
    """GPUs and minutes of a training job at its first attempt."""

    gpus: int
    minutes: int

    @classmethod
    def of(cls, configuration: Configuration) -> "Requested":
        """Read them from the blocks of the scale."""
        return cls(int(configuration.blocks.get("gpu", 0)), int(configuration.blocks.get("minutes", 60)))
