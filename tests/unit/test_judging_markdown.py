"""Verdicts as a Markdown table."""

import tables

from reproof.judging.markdown import write_table


def test_judged_claims_are_in_the_table_and_the_others_are_counted():
    verdicts = tables.verdicts()
    head, rule, *rows, blank, left = write_table(verdicts).splitlines()
    judged = verdicts[verdicts["judged"]]
    assert 0 < len(judged) < len(verdicts), "the example shows nothing"
    assert [row.split(" | ")[0].removeprefix("| ") for row in rows] == list(judged["claim"])
    assert {row.count(" | ") for row in (head, *rows)} == {4}
    assert (rule.count("---"), blank) == (5, "")
    assert left.startswith(f"{len(verdicts) - len(judged)} further claim")
    for row, verdict in zip(rows, judged["verdict"], strict=True):
        assert f"| **{verdict}** |" in row


def test_a_bar_in_a_sentence_opens_no_column():
    one = tables.verdicts().query("judged").head(1).assign(says="a | b")
    assert write_table(one).splitlines()[2].count(" | ") == 4
    assert write_table(one).splitlines()[-1] == "Every claim is judged at this scale."
