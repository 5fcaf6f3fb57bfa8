"""Run all measurements, or those of the named parts: python -m bench [PART ...]."""

import importlib
import math
import sys

from bench.drawing import draw
from bench.rows import Row
from reproof.storage.files import write_parquet

PARTS = (
    *("steps", "networks", "levels", "blocks", "paths", "probes", "masks", "attacks"),
    *("memory", "planning", "demo"),
)


def main(parts: list[str]) -> None:
    """Measure the named parts, or all of them; write benchmarks/bench.parquet and draw benchmarks/bench.png."""
    if wrong := [part for part in parts if part not in PARTS]:
        sys.exit(f"error: bench has no part {wrong[0]!r}; choose from {', '.join(PARTS)}")
    rows: list[Row] = []
    # Parts are imported one by one: some need packages, such as ART, that others do without.
    for part in parts or PARTS:
        for row in importlib.import_module(f"bench.{part}").measure():
            rows.append(row)
            print(_format_row(row), flush=True)
    # Written at the end: a broken-off run leaves the table of the last whole one.
    columns = zip(Row._fields, zip(*rows, strict=True), strict=True)
    write_parquet("benchmarks/bench.parquet", {name: list(column) for name, column in columns})
    draw(rows, "benchmarks/bench.png")


def _format_row(row: Row) -> str:
    """Return one line of text: quantity, value, range of the repeats, unit."""
    spread = "" if math.isnan(row.low) else f"{row.low:.3f} to {row.high:.3f}"
    return f"{row.quantity:60s} {row.value:10.3f}  {spread:20s}  {row.unit}"


if __name__ == "__main__":
    main(sys.argv[1:])
