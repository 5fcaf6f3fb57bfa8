"""Judge the claims of a paper from its measurements."""

import json

from reproof.judging import verdict
from reproof.judging.claims import Claim
from reproof.storage.files import read_parquet, write_parquet


def judge_claims(*, settings: str, measurements: str, verdicts: str) -> None:
    """Write one row per claim to `verdicts` (parquet).

    `settings` is JSON with `claims` and `scale`, and with `classes` if some runs have other than ten (`verdict`).
    """
    asked = json.loads(settings)
    claims = [Claim.parse(claim) for claim in asked["claims"]]
    about = {"scale": asked["scale"], "classes": asked.get("classes")}
    write_parquet(verdicts, verdict.judge_claims(claims, read_parquet(measurements), **about))
