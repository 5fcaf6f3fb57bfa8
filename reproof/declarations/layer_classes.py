"""Classes of layers by their criticality.

Zhang, Bengio & Singer name layers "ambient" (no or negligible loss) and "critical" (near random guessing) and give no
threshold in any source at hand; here both are settings, in shares of what there is to lose.
"""

from dataclasses import dataclass

AMBIENT, CRITICAL, BETWEEN = "ambient", "critical", "between"


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """Criticality up to which a layer is ambient, and from which on it is critical."""

    ambient: float
    critical: float

    def classify(self, value: float) -> str:
        """Return "ambient", "critical" or, of what lies between the thresholds, "between"."""
        if value <= self.ambient:
            return AMBIENT
        return CRITICAL if value >= self.critical else BETWEEN
