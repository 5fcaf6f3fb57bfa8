"""State what the numbers of a figure show, in one sentence: the beginning of its caption.

Sentences state means, ranges and numbers of trials and do not interpret them. Two ranges that overlap are "not told
apart". Every function takes the selected table and the titles of runs, and returns "" if there is nothing to state.
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from reproof.figures.attack_styles import label_attack, label_trained_arm
from reproof.figures.layers import label_layer
from reproof.figures.quantities import find_quantity
from reproof.figures.words import format_per_cent, format_run_title, label_arm, name_quantity
from reproof.metrics import NATS, STEPS

Titles = Mapping[str, str]
Row = Any  # a row of a table, as a Series or a dictionary


def find_best_level(table: pd.DataFrame, titles: Titles) -> str:
    """Return the best mean of the first run's tickets against its dense network, in the first accuracy of the table."""
    rows = list_first(table[(table["trials"] > 0) & table["quantity"].map(_is_accuracy)], "run")
    rows = rows[rows["arm"] == "ticket"] if (rows["arm"] == "ticket").any() else rows
    if rows.empty:
        return ""
    # Where a figure has it, the accuracy at early stopping comes first.
    rows = rows[rows["quantity"] == rows["quantity"].iloc[0]]
    dense, sparse = rows[rows["level"] == 0], rows[rows["level"] > 0]
    if dense.empty or sparse.empty:
        return ""
    best, whole = (part.sort_values("mean", kind="stable").iloc[-1] for part in (sparse, dense))
    arm = "" if best["arm"] == "ticket" else f" ({label_arm(str(best['arm']))})"
    return (
        f"{give_name(best, titles)}: {_lower(best)} is at best {give_range(best)} at {format_per_cent(best['kept'])} % "
        f"kept{arm} ({_count_means(len(sparse))}), {_compare(best, whole)} {give_range(whole)} of the dense network."
    )


def compare_steps(table: pd.DataFrame, titles: Titles) -> str:
    """Return the first and the last step of the first run's line, and whether their means keep the bound."""
    rows = list_first(table[table["trials"] > 0], "run", "arm", "level", "quantity").sort_values("step")
    if rows.empty:
        return ""
    first, last = rows.iloc[0], rows.iloc[-1]
    text = f"{give_name(first, titles)}: {_lower(first)} is {give_range(first)} from iteration {first['step']:,.0f}"
    if len(rows) > 1:
        text += f" and {give_range(last)} from iteration {last['step']:,.0f}"
    bound = first["bound"]
    if pd.isna(bound):
        return f"{text}."
    below = "instability" in str(first["quantity"])
    kept = [one["mean"] <= bound if below else one["mean"] >= bound for one in rows.to_dict("records")]
    verb = "lie below" if below else "reach"
    return f"{text}; {sum(kept)} {_count_means(len(kept))} {verb} the bound of {_value(first, bound)}."


def find_barrier(table: pd.DataFrame, titles: Titles) -> str:
    """Return the rise of the first run's error on its path over the mean of the ends, for the first and last step."""
    rows = list_first(table[(table["trials"] > 0) & (table["choice"] == "")], "run")
    rows = rows[rows["quantity"] == rows["quantity"].iloc[0]] if len(rows) else rows
    lines = [list_first(line, "level").sort_values("position") for _, line in rows.groupby(["arm", "step"], sort=False)]
    parts = []
    for line in lines[:1] + lines[1:][-1:]:
        ends = (line["mean"].iloc[0] + line["mean"].iloc[-1]) / 2
        arm, step = line["arm"].iloc[0], line["step"].iloc[0]
        who = f"copies from iteration {step:,.0f}" if arm == "ticket" else label_arm(str(arm))
        parts.append(f"{100 * (line['mean'].max() - ends):.1f} points ({who}, {give_trials(line.iloc[0])})")
    if not parts:
        return ""
    return (
        f"{give_name(rows.iloc[0], titles)}: {_lower(rows.iloc[0])} rises above its ends by {' and by '.join(parts)}."
    )


def find_extremes(table: pd.DataFrame, titles: Titles) -> str:
    """Return the lowest and the highest mean of the runs in the first quantity."""
    rows = table[table["trials"] > 0]
    rows = rows[rows["quantity"] == rows["quantity"].iloc[0]] if len(rows) else rows
    if rows["run"].nunique() < 2 or rows.groupby("run").size().max() > 1:
        return ""
    low, high = pick_ends(rows)
    ends = [f"{give_range(one, 'seed')} ({give_name(one, titles)})" for one in (low, high)]
    return f"{name_quantity(str(low['quantity']))}: from {' to '.join(ends)}, {_compare_ends(low, high)}."


def find_end(table: pd.DataFrame, titles: Titles) -> str:
    """Return the lowest and the highest mean at the largest place (`at`) of the first run's lines."""
    rows = list_first(table[(table["trials"] > 0) & table["at"].notna()], "run")
    rows = rows[rows["at"] == rows["at"].max()]
    if rows.empty:
        return ""
    several = rows["arm"].nunique() > 1
    place = "epsilon" if "under_attack" in str(rows["quantity"].iloc[0]) else "queries"

    def describe(one: Row) -> str:
        arm = f", {label_trained_arm(one['arm'])}" if several else ""
        return f"{give_range(one, 'seed')} ({label_attack(one['part'])}{arm})"

    low, high = pick_ends(rows)
    at = f"{low['at']:,g} {place}" if place == "queries" else f"{place} {low['at']:g}"
    start = f"{give_name(low, titles)}: {_lower(low)} at {at} is {describe(low)}"
    return f"{start}." if len(rows) == 1 else f"{start} to {describe(high)}."


def find_critical_layer(table: pd.DataFrame, titles: Titles) -> str:
    """Return the layer whose reset costs the first run most, with its interval, and the largest cost of the others."""
    rows = list_first(table[(table["trials"] > 0) & (table["quantity"] == "criticality")], "run")
    if len(rows) < 2:
        return ""
    _, worst = pick_ends(rows)
    rest = rows[rows["part"] != worst["part"]]
    _, after = pick_ends(rest)
    return (
        f"{give_name(worst, titles)}: resetting {label_layer(worst['part'])} costs most, {_interval(worst)} of the "
        f"accuracy above chance; the next is {label_layer(after['part'])}, {_interval(after)}{_overlap(worst, after)}."
    )


def find_costly_reset(table: pd.DataFrame, titles: Titles) -> str:
    """Return the layer whose reset to its first weights leaves the largest error in the first run, and the smallest."""
    rows = list_first(table[(table["trials"] > 0) & table["quantity"].str.endswith("reinitialised")], "run")
    rows = rows[rows["at"] == rows["at"].min()]
    if len(rows) < 2:
        return ""
    low, high = pick_ends(rows)
    ends = [f"{100 * one['mean']:.1f} % ({label_layer(one['part'])})" for one in (low, high)]
    return (
        f"{give_name(high, titles)}: with one layer reset to step {high['at']:,.0f}, the error is {' to '.join(ends)}, "
        f"means of {give_trials(high, 'seed')}."
    )


def find_joint_cost(table: pd.DataFrame, titles: Titles) -> str:
    """Return the cost of the set of layers whose reset together costs the first run most, and of its worst layer."""
    rows = list_first(table[table["trials"] > 0], "run")
    together = rows[rows["quantity"] == "joint_criticality"]
    alone = rows[rows["quantity"] == "worst_single_criticality"].set_index("part")
    together = together[together["part"].isin(alone.index)]
    if together.empty:
        return ""
    _, worst = pick_ends(together)
    single = alone.loc[worst["part"]]
    alike = _overlap(worst, single)
    return (
        f"{give_name(worst, titles)}: resetting the layers {label_layer(worst['part'])} together costs "
        f"{_interval(worst)} of the accuracy above chance, the worst of them alone {_interval(single)}{alike}."
    )


def find_spread(table: pd.DataFrame, titles: Titles) -> str:
    """Return mean and range over seeds of each run of the first panel, at most two."""
    rows = table[(table["trials"] > 0) & (table["panel"] == table["panel"].min())]
    parts = []
    for _, own in list(rows.groupby("run", sort=False))[:2]:
        one = {**own.iloc[0], "mean": own["value"].mean(), "lowest": own["value"].min(), "highest": own["value"].max()}
        parts.append(f"{give_name(one, titles)} {give_range(one | {'trials': own['seed'].nunique()}, 'seed')}")
    return f"{name_quantity(str(rows['quantity'].iloc[0]))}: {'; '.join(parts)}." if parts else ""


def pick_ends(rows: pd.DataFrame) -> tuple[Row, Row]:
    """Return the row with the lowest mean and that with the highest."""
    ordered = rows.sort_values("mean", kind="stable")
    return ordered.iloc[0], ordered.iloc[-1]


def list_first(rows: pd.DataFrame, *names: str) -> pd.DataFrame:
    """Return the rows that have the first row's values in these columns."""
    for name in names:
        rows = rows[rows[name] == rows[name].iloc[0]] if len(rows) else rows
    return rows


def _is_accuracy(quantity: str) -> bool:
    return "accuracy" in quantity.lower()


def give_name(one: Row, titles: Titles) -> str:
    """Return the title of the row's run."""
    return format_run_title(str(one["run"]), titles)


def _lower(one: Row) -> str:
    words = name_quantity(str(one["quantity"]))
    # An acronym at the start keeps its capitals.
    return words if words[:2].isupper() else words[0].lower() + words[1:]


def _value(one: Row, value: float) -> str:
    """Return a value with the unit of the row's quantity."""
    found = find_quantity(str(one["quantity"]))
    if found.is_share:
        return f"{100 * value:.1f} %"
    return f"{value:,.0f} iterations" if found.unit == STEPS else f"{value:,.3g}{' nats' if found.unit == NATS else ''}"


def give_range(one: Row, trial: str = "trial") -> str:
    """Return mean, range and number of trials: "94.1 % (93.9 to 94.4 %, 3 trials)"."""
    if one["trials"] < 2:
        return f"{_value(one, one['mean'])} (1 {trial})"
    low = _value(one, one["lowest"]).removesuffix(" %").removesuffix(" iterations").removesuffix(" nats")
    return f"{_value(one, one['mean'])} ({low} to {_value(one, one['highest'])}, {give_trials(one, trial)})"


def _interval(one: Row) -> str:
    """Return mean and interval of a criticality in per cent: "82 % (74 to 90 %, 3 seeds)"."""
    between = "" if pd.isna(one["low"]) else f"{100 * one['low']:.0f} to {100 * one['high']:.0f} %, "
    return f"{100 * one['mean']:.0f} % ({between}{give_trials(one, 'seed')})"


def give_trials(one: Row, trial: str = "trial") -> str:
    """Return the number of trials of a row: "3 trials"."""
    return f"{int(one['trials'])} {trial}{'s' if one['trials'] > 1 else ''}"


def _count_means(number: int) -> str:
    return f"of {number} mean{'s' if number > 1 else ''}"


def _compare(one: Row, other: Row) -> str:
    """Return how a mean lies to another: words for a comparison only if their ranges do not overlap."""
    if one["trials"] < 2 or other["trials"] < 2:
        return "against"
    if one["lowest"] > other["highest"]:
        return "above the"
    return "below the" if one["highest"] < other["lowest"] else "not told apart from the"


def _compare_ends(low: Row, high: Row) -> str:
    if low["trials"] < 2 or high["trials"] < 2:
        return "too few seeds for a range"
    return "ranges apart" if low["highest"] < high["lowest"] else "not told apart: their ranges overlap"


def _overlap(high: Row, low: Row) -> str:
    """Return a remark if two intervals overlap, or if one of them is missing."""
    if pd.isna(high["low"]) or pd.isna(low["high"]):
        return " (one seed has no interval)"
    return " (the intervals overlap: not told apart)" if high["low"] <= low["high"] else ""
