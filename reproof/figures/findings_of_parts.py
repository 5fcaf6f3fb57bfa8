"""State what the numbers of figures of methods, matrices, spectra and ranges show; as in `reproof.figures.findings`."""

import pandas as pd

from reproof.figures.findings import Titles, give_name, give_range, give_trials, list_first, pick_ends
from reproof.figures.words import format_per_cent, format_run_title, join_words, list_unique, name_quantity


def find_best_method(table: pd.DataFrame, titles: Titles) -> str:
    """Return the lowest and the highest mean of the first run's rows (`part`), at the end of a search if it has one."""
    rows = list_first(table[table["trials"] > 0], "run")
    if "at" in rows:
        rows = rows[rows["at"] == rows.groupby("part")["at"].transform("max")]
    names = rows["row"] if "row" in rows else rows["part"]
    if rows.empty:
        return ""
    low, high = (rows["mean"].agg(which) for which in ("idxmin", "idxmax"))
    if len(rows) == 1:
        return f"{give_name(rows.loc[low], titles)}: {give_range(rows.loc[low], 'seed')} ({names[low]})."
    return (
        f"{give_name(rows.loc[low], titles)}: from {give_range(rows.loc[low], 'seed')} ({names[low]}) to "
        f"{give_range(rows.loc[high], 'seed')} ({names[high]}), the lowest and the highest of {len(rows)} means."
    )


def find_transfer(table: pd.DataFrame, titles: Titles) -> str:
    """Return the lowest and the highest mean error of one network on examples made for another."""
    rows = table[(table["trials"] > 0) & table["quantity"].str.contains("_transfer_") & (table["part"] != table["run"])]
    rows = list_first(rows, "quantity", "panel")
    if len(rows) < 2:
        return ""
    low, high = pick_ends(rows)
    pairs = [
        f"{100 * one['mean']:.1f} % ({give_name(one, titles)} to {format_run_title(str(one['part']), titles)})"
        for one in (low, high)
    ]
    return f"Between different networks the error is {' to '.join(pairs)}, means of {give_trials(low, 'seed')}."


def compare_bounds(table: pd.DataFrame, titles: Titles) -> str:
    """Return the bound of the first run's network before and after training."""
    rows = list_first(table[(table["trials"] > 0) & (table["quantity"] == "lipschitz_product")], "run")
    parts = [f"{give_range(one, 'seed')} {one['state']}" for one in rows.to_dict("records")]
    return f"{give_name(rows.iloc[0], titles)}: the bound of the network is {join_words(parts)}." if parts else ""


def find_purity(table: pd.DataFrame, titles: Titles) -> str:
    """Return the purity of the first run's trained units and random directions, with the p value."""
    rows = list_first(table[(table["trials"] > 0) & (table["part"] == "trained")], "run")
    by = {one["quantity"]: one for one in rows.to_dict("records")}
    if not {"units_purity", "directions_purity", "purity_p_value"} <= set(by):
        return ""
    units, directions = (give_range(by[f"{who}_purity"], "seed") for who in ("units", "directions"))
    return (
        f"{give_name(by['units_purity'], titles)}, trained: purity is {units} of single units and {directions} of "
        f"random directions (p = {by['purity_p_value']['combined']:.2g})."
    )


def count_critical_layers(table: pd.DataFrame, titles: Titles) -> str:
    """Return the mean number of layers of each run of the first panel at the threshold nearest to 10 %."""
    rows = list_first(table[table["trials"] > 0], "panel")
    if rows.empty:
        return ""
    near = min(rows["at"].unique(), key=lambda at: abs(at - 0.1))
    parts = [f"{one['mean']:.1f} of {give_name(one, titles)}" for one in rows[rows["at"] == near].to_dict("records")]
    return f"On average {join_words(parts)} cost at least {format_per_cent(near)} % when reset: numbers of layers."


def find_ranges(table: pd.DataFrame, titles: Titles) -> str:
    """Return the levels of the first run at which random pruning matches, only tickets match, or nothing does."""
    rows = list_first(table[(table["trials"] > 0) & table["range"].notna()], "panel")
    words = {"I": "random pruning matches", "II": "only tickets match", "III": "nothing matches"}
    levels = rows.drop_duplicates("level").sort_values("kept", ascending=False)
    kept = {name: levels.loc[levels["range"] == name, "kept"] for name in list_unique(levels["range"])}
    parts = [f"{words[name]} at {join_words(map(format_per_cent, each))} %" for name, each in kept.items()]
    return f"{give_name(rows.iloc[0], titles)}: of the levels measured, {'; '.join(parts)} kept." if parts else ""


def compare_with_sparsest(table: pd.DataFrame, titles: Titles) -> str:
    """Return the gap of the first run's dense network and of its sparsest level, and the accuracies of both."""
    rows = list_first(table[(table["trials"] > 0) & (table["arm"] == "ticket")], "run").sort_values("kept")
    texts = [
        f"{name_quantity(str(quantity)).lower()} is {give_range(line.iloc[-1])} dense and "
        f"{give_range(line.iloc[0])} at {format_per_cent(line['kept'].iloc[0])} % kept"
        for quantity, line in rows.groupby("quantity", sort=False)
    ]
    return f"{give_name(rows.iloc[0], titles)}: {'; '.join(texts)}." if len(rows) > 1 else ""
