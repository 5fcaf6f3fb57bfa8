"""The code of jobs: canonical settings, pinned names, fingerprints that change with the meaning of code only."""

import json
import os

import pytest

from reproof.provenance.identity import format_canonical, make_run_name

LARGE_FINAL = ["pruning", "criterion", "large_final"]
LENET = ["networks", "network", "lenet_300_100"]
PROBE = """
import json, sys
from reproof.provenance.fingerprint import Code
asked, code = json.loads(sys.argv[1]), Code()
print(json.dumps({key: code.compute_fingerprint(f"workflow/scripts/{script}.py", tuple(map(tuple, picked)))
                  for key, (script, picked) in asked.items()}))
"""
ASKED = {
    "prune": ("prune", [LARGE_FINAL]),
    "train": ("train_dense", [LENET]),
    "retrain": ("retrain", [LENET]),
    "reinitialise": ("train_control", [LENET, ["pruning", "control", "reinitialise"]]),
    "shuffle_mask": ("train_control", [LENET, ["pruning", "control", "shuffle_mask"]]),
    "collect": ("collect", []),
    "judge": ("judge_claims", []),
    "figure": ("draw_figure", []),
    "gallery": ("build_gallery", []),
    "fetch": ("fetch_dataset", [["data", "source", "mnist5k"]]),
}


@pytest.fixture(scope="module")
def tree(pristine, tmp_path_factory):
    return pristine.copy(tmp_path_factory.mktemp("tree") / "reproof")


def fingerprints(tree):
    return json.loads(tree.python("-c", PROBE, json.dumps(ASKED)).text)


@pytest.fixture(scope="module")
def before(tree):
    return fingerprints(tree)


@pytest.fixture
def changed(tree, before):
    """Return a function that edits files and returns whose fingerprints changed; the files are restored afterwards."""
    kept = {}

    def change(*edits):
        for name, edit in edits:
            now = (tree / name).read_text() if (tree / name).exists() else None
            kept.setdefault(name, now)
            (tree / name).write_text(edit(now))
        after = fingerprints(tree)
        return {key for key in ASKED if after[key] != before[key]}

    yield change
    for name, text in kept.items():
        (tree / name).unlink() if text is None else (tree / name).write_text(text)


def replaced(old, new):
    def edit(text):
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times"
        return text.replace(old, new)

    return edit


def followed_by(more):
    return lambda text: (text or "") + more


def test_equal_settings_give_equal_text_whatever_their_order():
    one = format_canonical({"lr": 1e-3, "a": {"y": [1, 2.5], "x": None}, "name": "é"})
    assert one == format_canonical({"name": "é", "a": {"x": None, "y": [1, 2.5]}, "lr": 0.001})
    assert one == '{"a":{"x":null,"y":[1,2.5]},"lr":0.001,"name":"é"}'
    assert format_canonical({"levels": (1, 2)}) == format_canonical({"levels": [1, 2]})


def test_other_settings_give_other_text():
    texts = [
        format_canonical(one) for one in ({"a": 1}, {"a": "1"}, {"a": True}, {"a": [1]}, {"b": 1}, {"a": 1, "b": None})
    ]
    assert len(set(texts)) == len(texts)


def test_names_are_pinned():
    settings = {"b": [1, 2.5], "a": {"y": None, "x": "é"}}
    assert make_run_name("lenet_300_100-mnist", settings) == "lenet_300_100-mnist-b5e6f8f1"


def test_every_script_has_a_fingerprint_of_its_own(before):
    assert len(set(before.values())) == len(ASKED)
    assert all(len(one) == 16 and int(one, 16) >= 0 for one in before.values())


def test_a_touch_changes_nothing(tree, before):
    for path in tree.folder.rglob("*.py"):
        os.utime(path)
    assert fingerprints(tree) == before


def test_a_comment_or_a_docstring_changes_nothing(changed):
    edits = [
        ("reproof/training/schedule.py", followed_by("\n\n# A remark.\n")),
        (
            "reproof/training/schedule.py",
            replaced('"""Return the learning rate of', '"""Give the learning rate of'),
        ),
        ("workflow/scripts/prune.py", replaced('"""Adapter: reproof.pipeline.prune."""', '"""Another text."""')),
        ("reproof/pruning/criteria.py", followed_by("\n# Another remark.\n")),
        (
            "reproof/storage/errors.py",
            replaced("ReproofError(Exception):\n", "ReproofError(Exception):  # why\n"),
        ),
    ]
    assert changed(*edits) == set()


TRAINING = {"train", "retrain", "reinitialise", "shuffle_mask"}


@pytest.mark.parametrize(
    ("name", "old", "new", "who"),
    [
        ("reproof/training/schedule.py", "(step + 1) / settings.warmup", "(step + 2) / settings.warmup", TRAINING),
        ("reproof/training/evaluate.py", "BATCH = 1000", "BATCH = 1001", TRAINING),
        ("reproof/pruning/masks.py", "round(rate * len(ranked))", "1 + round(rate * len(ranked))", {"prune"}),
        ("reproof/operations/measure_movement.py", "BINS = 40", "BINS = 41", set()),
        ("reproof/seeding.py", ">> 1", ">> 2", {*TRAINING, "fetch"}),
        ("reproof/networks/lenet.py", "scale_units(300, width)", "scale_units(301, width)", TRAINING),
        ("reproof/networks/conv.py", "import", "import", set()),
        ("workflow/scripts/prune.py", 'job(here, "numpy")', "job(here)", {"prune"}),
    ],
)
def test_a_deep_change_is_seen_by_its_dependents_alone(changed, name, old, new, who):
    edit = followed_by("\nUNUSED = 1\n") if old == new else replaced(old, new)
    assert changed((name, edit)) == who


def test_all_that_write_tables_depend_on_how_tables_are_written(changed):
    tables = {*TRAINING, "collect", "judge", "figure"}
    assert changed(("reproof/storage/files.py", replaced('compression="zstd"', 'compression="gzip"'))) == tables


def test_everything_depends_on_how_files_are_written(changed):
    edit = replaced("        os.replace(temporary, path)", "        os.rename(temporary, path)")
    assert changed(("reproof/storage/files.py", edit)) == set(ASKED)


def test_what_surrounds_a_job_reruns_nothing(changed):
    edit = replaced('"wall_s": round(time.monotonic() - began, 3)', '"wall_s": round(time.monotonic() - began, 2)')
    assert changed(("reproof/provenance/records.py", edit)) == set()


@pytest.mark.parametrize("name", ["page.css", "page.html.j2"])
def test_files_that_the_code_reads_count_as_well(changed, name):
    """The page's template is no module, and the page is stale without it all the same."""
    assert changed((f"reproof/gallery/{name}", followed_by("\n"))) == {"gallery"}


def test_words_of_a_metric_change_what_shows_them(changed):
    """They are evaluated from the source of an operation, which figures and verdicts do not import.

    The gallery prints the sentences of the verdicts table and reads no words itself.
    """
    edit = replaced('"upper Lipschitz bound"', '"bound from above"')
    assert changed(("reproof/operations/lipschitz.py", edit)) == {"figure", "judge"}


def test_a_new_criterion_beside_the_picked_one_changes_nothing(changed):
    more = "\n\n@criterion\ndef magnitude_increase(initial: Array, final: Array) -> Array:\n    return np.abs(final)\n"
    assert changed(("reproof/pruning/criteria.py", followed_by(more))) == set()


def test_an_edit_of_the_criterion_that_is_picked_is_seen(changed):
    assert changed(("reproof/pruning/criteria.py", replaced("return np.abs(final)", "return final"))) == {"prune"}


def test_an_edit_of_a_criterion_that_is_not_picked_changes_nothing(changed):
    assert changed(("reproof/pruning/criteria.py", replaced("return np.abs(initial)", "return initial"))) == set()


def test_a_new_control_retrains_nothing(changed):
    more = "\n\n@control\ndef mirrored(ticket: Ticket, chance: np.random.Generator) -> Ticket:\n    return ticket\n"
    assert changed(("reproof/pruning/controls.py", followed_by(more))) == set()


def test_an_edit_of_a_control_retrains_it_alone(changed):
    edit = replaced("replace(ticket, start=ticket.fresh)", "replace(ticket, start=dict(ticket.fresh))")
    assert changed(("reproof/pruning/controls.py", edit)) == {"reinitialise"}


def test_a_new_network_in_a_module_of_its_own_retrains_nothing(tree, changed):
    text = (tree / "reproof/networks/lenet.py").read_text().replace("def lenet_300_100", "def lenet_500")
    assert changed(("reproof/networks/another.py", followed_by(text))) == set()


def test_no_project_module_is_imported_in_a_way_that_fingerprints_miss(tree):
    """They follow absolute imports."""
    relative = [
        f"{path}: {line}"
        for folder in ("reproof", "workflow/scripts")
        for path in (tree / folder).rglob("*.py")
        for line in path.read_text().splitlines()
        if line.strip().startswith(("from .", "import ."))
    ]
    assert relative == []
