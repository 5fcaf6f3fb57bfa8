"""The networks of a block beside those of other runs, which are shown what was made for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reproof.attacks.victim import Victim
from reproof.checkpoints import read_checkpoint
from reproof.jobs.subject import Subject, tensors
from reproof.networks import build


@dataclass(frozen=True)
class Beside(Subject):
    """Networks beside others of the same seeds, which are shown what was made for them."""

    victim_files: Sequence[str] = ()

    @classmethod
    def of(cls, files: Any, params: Any, threads: int) -> "Beside":
        """Make as a subject is made, with the rule's input files `victims`: dense checkpoints."""
        own = Subject.of(files, params, threads)
        return cls(own.job, own.dense_file, own.mask_files, own.ticket_files, list(files.victims))

    def victims(self, index: int) -> dict[str, Victim]:
        """Return, by the names of their runs, the other networks of the seed at this place of the block."""
        named: Mapping[str, Any] = self.job.asked.get("victims", {})
        files = zip(self.job.asked["options"].get("victims", []), self.victim_files, strict=True)
        return {key: self._victim(named[key]["network"], file, index) for key, file in files}

    def _victim(self, network: Mapping[str, Any], file: str, index: int) -> Victim:
        data, options = self.job.dataset, {key: value for key, value in network.items() if key != "name"}
        module = build(network["name"], input_shape=data.input_shape, classes=data.classes, **options)
        (ends,) = read_checkpoint(file, "final")
        module.load_state_dict(tensors(ends[index]))
        return Victim.of(module.to(self.job.device), data)
