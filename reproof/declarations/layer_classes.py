"""Classes of layers by their criticality.

Zhang, Bengio & Singer (2022) call layers "ambient" (no or negligible loss) and "critical" (near random guessing). No
available source states thresholds. Here both are settings, as shares of the accuracy above chance.
"""

from dataclasses import dataclass

AMBIENT, CRITICAL, BETWEEN = "ambient", "critical", "between"


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """The highest criticality of an ambient layer and the lowest of a critical one, as shares."""

    ambient: float
    critical: float

    def classify(self, value: float) -> str:
        """Return "ambient", "critical" or, between the thresholds, "between"."""
        if value <= self.ambient:
            return AMBIENT
        return CRITICAL if value >= self.critical else BETWEEN
