"""Say of networks that are no better than chance that they are: their lines show nothing else."""

from collections.abc import Iterator, Mapping

import pandas as pd

from reproof.figures.spread import add_part_and_at
from reproof.figures.words import format_per_cent, format_run_title, label_arm
from reproof.metrics import is_near_chance

WHOLE, UNDER_ATTACK = "test_accuracy_at_end", "test_accuracy_under_attack"  # the latter with epsilon 0


def describe_chance(
    tables: Mapping[str, pd.DataFrame], table: pd.DataFrame, *, classes: Mapping[str, int], titles: Mapping[str, str]
) -> list[str]:
    """Return a sentence that names the drawn networks at chance, or nothing if there are none.

    `table` is that of the figure; `classes` maps runs to the number of classes of their data. A seed is at chance if
    its accuracy on unchanged test images is near 1 over the classes (`is_near_chance`).
    """
    if "measurements" not in tables:
        return []
    seeds = _select_drawn(_read_clean_accuracies(tables["measurements"]), table)
    # Of other data, chance is not known.
    seeds = seeds[seeds["run"].isin(list(classes))]
    found = list(_describe_networks(seeds, classes, titles))
    return [f"At chance on the test set: {'; '.join(found)}."] if found else []


def _read_clean_accuracies(measurements: pd.DataFrame) -> pd.DataFrame:
    """Return the accuracy of each network on unchanged test images: `run, arm, level, kept, seed, value`."""
    rows = add_part_and_at(measurements)
    # Of trainings that operations continue from a step, `at` is that step, which is none of the run itself.
    clean = (rows["metric"] == WHOLE) & rows["at"].isna() | (rows["metric"] == UNDER_ATTACK) & (rows["at"] == 0)
    rows = rows[clean]
    # Attacks are tried on part of the test set, so the whole counts where it was measured.
    whole = rows.groupby(["run", "arm", "level"])["metric"].transform(lambda names: (names == WHOLE).any())
    rows = rows[(rows["metric"] == WHOLE) | ~whole.astype(bool)]
    networks = ["run", "arm", "level", "kept", "seed"]
    return rows.groupby(networks, sort=False, as_index=False).agg(value=("value", "mean"))


def _select_drawn(seeds: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Return the networks that the table of a figure shows."""
    drawn = table[table["trials"] > 0]
    seeds = seeds[seeds["run"].isin(drawn["run"])]
    # Figures of single levels have no column `level`; those without a column `arm` show the run's own networks.
    for name, own in (("arm", "ticket"), ("level", 0)):
        seeds = seeds[seeds[name].isin(drawn.get(name, [own]))]
    return seeds


def _describe_networks(seeds: pd.DataFrame, classes: Mapping[str, int], titles: Mapping[str, str]) -> Iterator[str]:
    """Yield the first level at chance of each run and arm, with the number of its seeds that are."""
    near = [is_near_chance(one, classes[run]) for run, one in zip(seeds["run"], seeds["value"], strict=True)]
    for (run, arm), own in seeds.assign(near=near).groupby(["run", "arm"], sort=False):
        levels = own.groupby("level").agg(
            kept=("kept", "mean"), near=("near", "sum"), seeds=("value", "size"), mean=("value", "mean")
        )
        low = levels[levels["near"] > 0]
        if low.empty:
            continue
        first = low.iloc[0]
        # The run's own networks need no name beside its title.
        network = format_run_title(str(run), titles) + ("" if arm == "ticket" else f", {label_arm(str(arm))}")
        level = f" at {format_per_cent(first['kept'])} % kept" if len(levels) > 1 else ""
        more = " and below" if len(low) > 1 else ""
        number = f"{int(first['near'])} of {int(first['seeds'])} seed{'s' if first['seeds'] > 1 else ''}"
        chance = format_per_cent(1 / classes[str(run)])
        yield f"{network}{level}{more} ({number}; on average {100 * first['mean']:.1f} %, chance is {chance} %)"
