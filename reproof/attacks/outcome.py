"""Outcome of an attack on one victim: success, distance and cost."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.linalg import vector_norm

from reproof.attacks.attack import Adversarial
from reproof.attacks.victim import Victim


@dataclass(frozen=True, eq=False)
class Outcome:
    """Outcome per image [N]: still correct, fooled, correct without attack, confidence, L2 distance, queries.

    `right`, `fooled` and `clean` are bool; `confidence` is the greatest probability, in [0, 1]; `distances` are
    float64, `queries` int64. An image that is misclassified without attack counts as wrong whatever the attack returns:
    the attacker has nothing to do, and an untargeted attack might correct it.
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
        """Query the victim about the attacked images; `clean`, bool [N], is True where it is correct without attack."""
        with torch.no_grad():
            chances = victim.logits(adversarial.images).softmax(dim=-1)
        right = clean & chances.argmax(dim=-1).eq(labels)
        # In float64, like the check of the ball, so that both agree on the distance.
        distances = vector_norm((adversarial.images.double() - images.double()).flatten(1), dim=1)
        return cls(right, clean & ~right, clean, chances.amax(dim=-1), distances, adversarial.queries)

    @property
    def accuracy(self) -> float:
        """Share of all images, in [0, 1], that are classified correctly both without and under attack."""
        return float(self.right.double().mean())

    def compute_success_within(self, queries: int) -> float:
        """Return the share of correctly classified images that at most `queries` queries fooled."""
        return _compute_share(self.fooled & (self.queries <= queries), self.clean)

    def list_metrics(self) -> dict[str, float]:
        """Return the metrics by name without the split; metrics of fooled images are absent if there are none."""
        found = {
            "accuracy_under_attack": self.accuracy,
            "attack_success_share": _compute_share(self.fooled, self.clean),
        }
        wrong = ~self.right
        # A mean or a median of nothing would be NaN, so the metric is left out.
        if bool(wrong.any()):
            found["confidence_of_mistakes"] = float(self.confidence[wrong].double().mean())
        if bool(self.fooled.any()):
            found["attack_distance"] = float(self.distances[self.fooled].median())
            found["attack_queries"] = float(self.queries[self.fooled].double().median())
        return found


@dataclass(frozen=True, eq=False)
class Fooled:
    """Images that each attack fooled, bool [N], by entry, norm and distance.

    AutoAttack claims the worst case over attacks, so an attack that fools an image which it leaves correct is reported.
    """

    images: dict[tuple[str, str, float], Tensor] = field(default_factory=dict)
    ensembles: list[tuple[str, str, float]] = field(default_factory=list)

    def add(self, label: str, options: Mapping[str, Any], epsilon: float | None, fooled: Tensor) -> None:
        """Add the images [N] fooled by one entry with these options.

        Attacks without a distance are left out, and so are those that leave the box: AutoAttack may not.
        """
        if epsilon is None or not options.get("clip", True):
            return
        key = label, str(options.get("norm", "linf")), epsilon
        self.images[key] = fooled
        if options["attack"] == "autoattack":
            self.ensembles.append(key)

    def compare_with_autoattack(self) -> Iterator[tuple[str, float, float]]:
        """Yield (entry, distance, share of images that it fooled and AutoAttack did not); print a line if not 0."""
        for ensemble in self.ensembles:
            for key, fooled in self.images.items():
                if key[1:] != ensemble[1:] or key in self.ensembles:
                    continue
                share = float((fooled & ~self.images[ensemble]).double().mean())
                if share:
                    print(f"AutoAttack missed: at {key[2]:g} {key[0]} fooled {share:.1%} of the images that it did not")
                yield key[0], key[2], share


def _compute_share(which: Tensor, among: Tensor) -> float:
    """Return the share of `among` that is in `which`, both bool [N]; 0 if `among` is empty."""
    # A network that is never right has nothing to fool: success 0, not NaN.
    return float(which.sum()) / max(1, int(among.sum()))
