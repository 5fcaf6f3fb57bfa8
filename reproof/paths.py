"""Names of files and blocks in results/: the one place that says where things lie."""

from dataclasses import dataclass

RESULTS = "results"
UNIT = "_unit"  # at the end of a data set's name: its pixels are in [0, 1], not standardised


@dataclass(frozen=True)
class Training:
    """One folder of trained networks: which run of the paper and which arm it holds."""

    run: str
    arm: str
    folder: str


def data_file(dataset: str) -> str:
    """Return where a data set lies."""
    return f"{RESULTS}/data/{dataset}/data.safetensors"


def unscaled(dataset: str) -> str:
    """Return the fetched data set that one with pixels in [0, 1] is made of; of any other, itself."""
    return dataset.removesuffix(UNIT)


def data_record(dataset: str) -> str:
    """Return where the record of a data set lies."""
    return f"{RESULTS}/data/{dataset}/record.json"


def benchmark(result: str) -> str:
    return result.replace(RESULTS, "benchmarks", 1) + ".tsv"


def span(block: str) -> list[int]:
    """Return the numbers of a block's name: "0-2" is 0, 1, 2; "1_2_4" is 1, 2, 4; "5" is 5."""
    if "_" in block:
        return [int(number) for number in block.split("_")]
    low, _, high = block.partition("-")
    return list(range(int(low), int(high or low) + 1))


def spanned(numbers: range) -> str:
    return f"{numbers[0]}-{numbers[-1]}" if len(numbers) > 1 else f"{numbers[0]}"
