"""Judge a paper's claims by what was measured."""

import json

from reproof.judging import verdict
from reproof.judging.claims import Claim
from reproof.storage.files import read_parquet, write_parquet


def judge_claims(*, settings: str, measurements: str, verdicts: str) -> None:
    """Write one verdict for each of the claims in `settings`, a JSON of `claims` and `scale`."""
    asked = json.loads(settings)
    claims = [Claim.parse(claim) for claim in asked["claims"]]
    write_parquet(verdicts, verdict.judge_claims(claims, read_parquet(measurements), scale=asked["scale"]))
