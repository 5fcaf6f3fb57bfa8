"""What became of the images that an attack made: which fool the network, how far they are, what they cost."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.linalg import vector_norm

from reproof.attacks.attack import Adversarial
from reproof.attacks.victim import Victim


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of the images [N] of one victim: which are right, which were and are no more, how far and dear.

    An image that is classified wrongly as it is counts as wrong whatever an attack makes of it: there the attacker has
    nothing to do, and an untargeted attack might set it right.
    """

    right: Tensor
    fooled: Tensor
    clean: Tensor
    confidence: Tensor
    distances: Tensor
    queries: Tensor

    @classmethod
    def measure(
        cls, victim: Victim, images: Tensor, labels: Tensor, adversarial: Adversarial, clean: Tensor
    ) -> "Outcome":
        """Ask the victim about the images made; `clean` [N] says which it classified rightly as they were."""
        with torch.no_grad():
            chances = victim.logits(adversarial.images).softmax(dim=-1)
        right = clean & chances.argmax(dim=-1).eq(labels)
        distances = vector_norm((adversarial.images.double() - images.double()).flatten(1), dim=1)
        return cls(right, clean & ~right, clean, chances.amax(dim=-1), distances, adversarial.queries)

    @property
    def accuracy(self) -> float:
        """The share of all images that are classified rightly as they are and under attack."""
        return float(self.right.double().mean())

    def compute_success_within(self, queries: int) -> float:
        """Return the share of what was classified rightly that was fooled by at most so many queries."""
        return _compute_share(self.fooled & (self.queries <= queries), self.clean)

    def list_metrics(self) -> dict[str, float]:
        """Return the metrics, by the second part of their names; what needs a fooled image is left out without one."""
        found = {
            "accuracy_under_attack": self.accuracy,
            "attack_success_share": _compute_share(self.fooled, self.clean),
        }
        wrong = ~self.right
        if bool(wrong.any()):
            found["confidence_of_mistakes"] = float(self.confidence[wrong].double().mean())
        if bool(self.fooled.any()):
            found["attack_distance"] = float(self.distances[self.fooled].median())
            found["attack_queries"] = float(self.queries[self.fooled].double().median())
        return found


def _compute_share(which: Tensor, among: Tensor) -> float:
    """Return how many of those of one mask the other has; 0 of none."""
    return float(which.sum()) / max(1, int(among.sum()))
