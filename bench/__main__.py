"""Print and keep all measurements, or those of some parts: python -m bench [PART ...]."""

import importlib
import sys

from bench.drawing import draw
from reproof.files import write_parquet

PARTS = ("steps", "paths", "probes", "masks", "attacks", "memory", "starting", "demo")


def main(parts: list[str]) -> None:
    """Measure the named parts, or all of them; write benchmarks/bench.parquet and draw benchmarks/bench.png."""
    rows: list[tuple[str, float, str]] = []
    for part in parts or PARTS:
        for row in importlib.import_module(f"bench.{part}").measure():
            rows.append(row)
            print(f"{row[0]:55s} {row[1]:10.3f}  {row[2]}", flush=True)
    quantities, values, units = (list(column) for column in zip(*rows, strict=True))
    write_parquet("benchmarks/bench.parquet", {"quantity": quantities, "value": values, "unit": units})
    draw(rows, "benchmarks/bench.png")


if __name__ == "__main__":
    main(sys.argv[1:])
