"""Judge a paper's claims by what was measured."""

import json

from reproof.files import read_parquet, write_parquet
from reproof.judging.verdict import judge_claims as judged


def judge_claims(*, settings: str, measurements: str, verdicts: str) -> None:
    """Write one verdict for each claim in `settings`."""
    asked = json.loads(settings)
    write_parquet(verdicts, judged(asked["claims"], read_parquet(measurements), scale=asked["scale"]))
