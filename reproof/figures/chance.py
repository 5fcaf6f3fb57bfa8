"""Say of networks that are no better than chance that they are: their lines show nothing else."""

from collections.abc import Iterator, Mapping

import pandas as pd

from reproof.figures.attack_styles import label_trained_arm
from reproof.figures.spread import add_part_and_at
from reproof.figures.words import format_per_cent, format_run_title, list_unique
from reproof.metrics import is_near_chance

WHOLE, UNDER_ATTACK = "test_accuracy_at_end", "test_accuracy_under_attack"  # the latter with epsilon 0


def describe_chance(
    tables: Mapping[str, pd.DataFrame], table: pd.DataFrame, *, classes: Mapping[str, int], titles: Mapping[str, str]
) -> list[str]:
    """Return a sentence that names the drawn networks at chance, or nothing if there are none.

    `table` is that of the figure; `classes` maps runs to the number of classes of their data. A seed is at chance if
    its accuracy on unchanged test images is near 1 over the classes (`is_near_chance`).
    """
    found = list(_yield_networks(tables, table, classes, titles))
    return [f"At chance on the test set: {'; '.join(found)}."] if found else []


def _yield_networks(
    tables: Mapping[str, pd.DataFrame], table: pd.DataFrame, classes: Mapping[str, int], titles: Mapping[str, str]
) -> Iterator[str]:
    if "measurements" not in tables:
        return
    rows = add_part_and_at(tables["measurements"])
    # Of trainings that operations continue from a step, `at` is that step, which is none of the run itself.
    clean = (rows["metric"] == WHOLE) & rows["at"].isna() | (rows["metric"] == UNDER_ATTACK) & (rows["at"] == 0)
    rows = rows[clean]
    # Attacks are tried on part of the test set, so the whole counts where it was measured.
    whole = rows.groupby(["run", "arm", "level"])["metric"].transform(lambda names: (names == WHOLE).any())
    rows = rows[(rows["metric"] == WHOLE) | ~whole.astype(bool)]
    seeds = rows.groupby(["run", "arm", "level", "kept", "seed"], sort=False, as_index=False)["value"].mean()
    drawn = table[table["trials"] > 0]
    seeds = seeds[seeds["run"].isin(drawn["run"]) & seeds["run"].isin(list(classes))]
    for name in ("arm", "level"):
        seeds = seeds[seeds[name].isin(drawn[name] if name in drawn else [{"arm": "ticket", "level": 0}[name]])]
    # Figures of single levels have no column `level`; those of attacks show dense networks.
    several = seeds["arm"].nunique() > 1 or (seeds["arm"] != "ticket").any()
    for run in list_unique(seeds["run"]):
        own_run = seeds[seeds["run"] == run].assign(
            low=[is_near_chance(one, classes[run]) for one in seeds.loc[seeds["run"] == run, "value"]]
        )
        for arm, own in own_run.groupby("arm", sort=False):
            levels = own.groupby("level").agg(
                kept=("kept", "mean"), low=("low", "sum"), seeds=("value", "size"), mean=("value", "mean")
            )
            low = levels[levels["low"] > 0]
            if low.empty:
                continue
            first = low.iloc[0]
            network = f"{format_run_title(run, titles)}{', ' + label_trained_arm(str(arm)) if several else ''}"
            level = f" at {format_per_cent(first['kept'])} % kept" if len(levels) > 1 else ""
            more = " and below" if len(low) > 1 else ""
            seeds_of = f"{int(first['low'])} of {int(first['seeds'])} seed{'s' if first['seeds'] > 1 else ''}"
            chance = format_per_cent(1 / classes[run])
            yield f"{network}{level}{more} ({seeds_of}; on average {100 * first['mean']:.1f} %, chance is {chance} %)"
