"""The forecast of a graph worked by hand."""

from reproof.planning.cost_model import Duration
from reproof.planning.forecast import Job, find_longest_chain, format_forecast


def job(rule, hours, inputs, outputs, *, gpus=0, cores=1, measured=False):
    return Job(rule, tuple(inputs.split()), tuple(outputs.split()), Duration(hours * 3600, measured), gpus, cores)


# fetch (1 h) -> train a (2 h) -> prune (0.5 h) -> train c (4 h) -> draw (0.5 h); train b (6 h) in parallel: 8 h in all
GRAPH = [
    job("draw", 0.5, "b c", "picture"),
    job("train", 6, "data", "b b.json", gpus=1, cores=2, measured=True),
    job("train", 4, "data mask", "c c.json", gpus=1, cores=2),
    job("prune", 0.5, "a", "mask"),
    job("train", 2, "data", "a a.json", gpus=1, cores=2, measured=True),
    job("fetch", 1, "elsewhere", "data"),
]


def test_the_longest_chain():
    assert [(one.rule, one.outputs[0]) for one in find_longest_chain(GRAPH)] == [
        ("fetch", "data"),
        ("train", "a"),
        ("prune", "mask"),
        ("train", "c"),
        ("draw", "picture"),
    ]


def test_a_slower_side_branch_becomes_the_longest_chain():
    slower = [job("train", 6.6, "data", "b b.json") if one.outputs[0] == "b" else one for one in GRAPH]
    assert [one.outputs[0] for one in find_longest_chain(slower)] == ["data", "b", "picture"]


def test_nothing_to_do_is_no_chain():
    assert find_longest_chain([]) == []
    assert "0.00 hours in 0 jobs" in format_forecast([])


def test_the_table():
    lines = format_forecast(GRAPH).splitlines()
    assert [line.split() for line in lines[1:6]] == [
        ["draw", "1", "0.00", "0.50", "0.50", "estimated"],
        ["train", "3", "12", "24", "6.00", "2", "measured,", "1", "estimated"],
        ["prune", "1", "0.00", "0.50", "0.50", "estimated"],
        ["fetch", "1", "0.00", "1.00", "1.00", "estimated"],
        ["all", "6", "12", "26", "6.00", "2", "measured,", "4", "estimated"],
    ]
    assert lines[-1].startswith("longest chain: 8.00 hours in 5 jobs")
    assert lines[-1].endswith("1 fetch, 2 train, 1 prune, 1 draw")
