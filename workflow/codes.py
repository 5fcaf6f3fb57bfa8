"""Print, as JSON, what code each result of a scale is made by: python -m workflow.codes SCALE.

{path of its record: {"script": ..., "picks": [[place, decorator, name], ...], "fingerprint": ..., "code": ...}}
"""

import json
import sys
from pathlib import Path

from reproof.configuration import read_configuration
from reproof.files import ReproofError
from reproof.listings import records
from reproof.plan import SCRIPTS, Plan
from reproof.provenance import canonical
from reproof.yaml_files import read_yaml


class _Reached(Plan):
    """A plan that states, in place of a result's code, what the code is a fingerprint of."""

    def code(self, script: str, run: str = "") -> str:
        picks = sorted(set(self._picked(script, run)))
        found = f"{SCRIPTS}/{script}.py"
        about = {"script": found, "picks": picks, "fingerprint": self.fingerprints.of(found, picks)}
        return canonical(about | {"code": super().code(script, run)})


def codes(scale: str) -> dict[str, dict[str, object]]:
    """Return what code each result of a scale is made by, by the path of its record."""
    plan = _Reached(read_configuration(read_yaml(Path("config/config.yaml")) | {"scale": scale}))
    return {one.record: json.loads(one.code) for one in records(plan)}


if __name__ == "__main__":
    try:
        print(json.dumps(codes(sys.argv[1])))
    except ReproofError as error:
        sys.exit(f"error: {error}")
