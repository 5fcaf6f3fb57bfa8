"""Hash again all that the records under results/ name, and print a line for each file that differs: `make verify`.

A start hashes only files whose size, times or inode have changed since the last start. What changes a byte and none of
these, such as a failing disk, is seen here alone. The exit code is 1 if anything differs.
"""

import sys
from pathlib import Path

from reproof.provenance.memory import Memory
from reproof.provenance.verification import Recorded
from workflow.command import run_command

RESULTS = Path("results")


def main() -> None:
    """Print what differs, or how much does not."""
    recorded, memory = Recorded.read(RESULTS), Memory(trusts_kept=False)
    differences = 0
    for line in recorded.find_differences(memory):
        differences += 1
        print(f"error: {line}", flush=True)
    memory.keep()
    found = f"{differences} lines above" if differences else "all as recorded"
    print(f"{len(recorded.records)} records, {len(recorded.list_files())} files: {found}")
    sys.exit(1 if differences else 0)


if __name__ == "__main__":
    run_command(main, "python -m workflow.verify")
