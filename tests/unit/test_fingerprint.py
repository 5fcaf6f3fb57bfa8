"""Fingerprints of code: a change of what a job computes is seen, and nothing else is."""

import json
import os

import pytest

from reproof.provenance import fingerprint as module
from reproof.provenance.fingerprint import Code, Fingerprints
from reproof.provenance.fingerprint import read_file_states as states
from reproof.storage.files import ReproofError

SCRIPT = "workflow/scripts/one.py"
PROJECT = {
    SCRIPT: '''
"""Adapter."""
from reproof.part import work

here = snakemake
work(here.input, here.output)
''',
    "reproof/part.py": '''
"""The work."""
import numpy as np
from reproof.deep.constants import RATE, unused

def work(source: str, target: str) -> None:
    """Do it."""
    rates = [one * RATE for one in np.load(source)]
    if not rates:
        raise ValueError(f"{source}: nothing in it")
    np.save(target, helper(rates))

def helper(values):
    return sorted(values)
''',
    "reproof/deep/constants.py": '''
"""Numbers."""
BASE = 2
RATE = BASE * 3
OTHER = 5

def unused():
    return OTHER
''',
    "reproof/picks.py": '''
"""Picked by name."""
def pick(function):
    """Mark a pick."""
    return function

@pick
def plain(values):
    return values

@pick
def other(values):
    return values[::-1]
''',
}
PICK = ("picks.py", "pick", "plain")


def written(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def project(tmp_path):
    return written(tmp_path / "project", PROJECT)


@pytest.fixture
def same(project):
    """Return a function that replaces text in files and says whether the script's fingerprint is still the same."""
    before = Code(project).compute_fingerprint(SCRIPT, [PICK])

    def check(*edits, files=None):
        for name, old, new in edits:
            text = (project / name).read_text()
            assert text.count(old) >= 1, f"{name} has no {old!r}"
            (project / name).write_text(text.replace(old, new))
        written(project, files or {})
        return Code(project).compute_fingerprint(SCRIPT, [PICK]) == before

    return check


PART, CONSTANTS, PICKS = "reproof/part.py", "reproof/deep/constants.py", "reproof/picks.py"
MARK = 'def pick(function):\n    """Mark a pick."""\n    return function\n'
WORDY = "def pick(words):\n    def mark(function):\n        return function\n    return mark\n"
LAMBDA = "def pick(words):\n    return lambda function: function\n"
HELPER = "def helper(values):\n    return sorted(values)"
WRAPPED = "def twice(done):\n    return lambda given: done(done(given))\n\n@twice\n"
EQUAL = {
    "a docstring": [(PART, '"""Do it."""', '"""Do it well."""')],
    "a comment": [(PART, "return sorted", "# Why.\n    return sorted")],
    "an annotation": [(PART, "source: str, target: str) -> None", "source, target: object)")],
    "the message of an error": [(PART, '{source}: nothing in it"', 'nothing is in {source}"')],
    "an added function": [(PART, "def helper", "def another():\n    return 1\n\ndef helper")],
    "an added constant": [(CONSTANTS, "OTHER = 5", "OTHER = 5\nMORE = 6")],
    "a constant that is not reached": [(CONSTANTS, "OTHER = 5", "OTHER = 6")],
    "a reordered import": [(PART, "RATE, unused", "unused, RATE")],
    "an import by another name": [
        (PART, "import numpy as np", "import numpy"),
        (PART, "np.", "numpy."),
    ],
    "an import of the module": [
        (PART, "from reproof.deep.constants import RATE, unused", "from reproof.deep import constants"),
        (PART, "one * RATE", "one * constants.RATE"),
    ],
    "an import of the whole path": [
        (PART, "from reproof.deep.constants import RATE, unused", "import reproof.deep.constants"),
        (PART, "one * RATE", "one * reproof.deep.constants.RATE"),
    ],
    "an import where it is used": [
        (PART, "from reproof.deep.constants import RATE, unused\n", ""),
        (PART, '    """Do it."""', "    from reproof.deep.constants import RATE"),
    ],
    "a renamed function": [(PART, "helper", "in_order")],
    "a renamed constant": [(CONSTANTS, "BASE", "BASIS")],
    "a renamed variable": [(PART, "rates", "numbers"), (PART, "for one in", "for x in"), (PART, "[one *", "[x *")],
    "functions in another order": [
        (PART, "\ndef helper(values):\n    return sorted(values)\n", ""),
        (PART, "def work", "def helper(values):\n    return sorted(values)\n\ndef work"),
    ],
    "an added pick": [(PICKS, "@pick\ndef other", "@pick\ndef third(values):\n    return 3\n\n@pick\ndef other")],
    "another pick": [(PICKS, "values[::-1]", "values[::2]")],
    "a mark as a lambda": [(PICKS, MARK, LAMBDA), (PICKS, "@pick\n", "@pick('in words')\n")],
    "a mark that takes words": [(PICKS, MARK, WORDY), (PICKS, "@pick\n", "@pick('in words')\n")],
}  # fmt: skip
OTHER = {
    "a constant two imports deep": [(CONSTANTS, "BASE = 2", "BASE = 3")],
    "an operator": [(CONSTANTS, "BASE * 3", "BASE + 3")],
    "the script": [("workflow/scripts/one.py", "work(here.input", "work(here.inputs")],
    "a function that is reached": [(PART, "sorted(values)", "list(values)")],
    "a library's function": [(PART, "np.save", "np.savez")],
    "an integer for a float": [(CONSTANTS, "BASE = 2", "BASE = 2.0")],
    "a parameter's name": [(PART, HELPER, "def helper(given):\n    return sorted(given)")],
    "a default": [(PART, "def helper(values)", "def helper(values, more=1)")],
    "which variable is used": [(PART, "np.save(target,", "np.save(source,")],
    "the pick": [(PICKS, "def plain(values):\n    return values", "def plain(values):\n    return list(values)")],
    "the error's kind": [(PART, "ValueError", "KeyError")],
    "a decorator that wraps": [(PART, "def helper", f"{WRAPPED}def helper")],
    "a statement that acts on import": [(CONSTANTS, "OTHER = 5", "OTHER = 5\nprint(OTHER)")],
    "an entry in a table": [(CONSTANTS, "OTHER = 5", "OTHER = {}\nOTHER['a'] = 5")],
    "a global that a function sets": [
        (CONSTANTS, "def unused():\n    return OTHER", "def unused():\n    global BASE\n    BASE = 7")
    ],
}  # fmt: skip


@pytest.mark.parametrize("change", EQUAL)
def test_what_changes_no_result_is_not_seen(same, change):
    assert same(*EQUAL[change])


@pytest.mark.parametrize("change", OTHER)
def test_what_may_change_a_result_is_seen(same, change):
    assert not same(*OTHER[change])


def test_a_moved_function_and_a_renamed_module_change_nothing(same, project):
    (project / CONSTANTS).unlink()
    base = {"reproof/numbers/base.py": "BASE = 2\n"}
    rates = {"reproof/rates.py": "from reproof.numbers.base import BASE\nRATE = BASE * 3\n"}
    assert same((PART, "reproof.deep.constants import RATE, unused", "reproof.rates import RATE"), files=base | rates)


def test_a_re_export_changes_nothing(same):
    package = {"reproof/deep/__init__.py": "from reproof.deep.constants import RATE\n"}
    assert same((PART, "reproof.deep.constants import RATE, unused", "reproof.deep import RATE"), files=package)


def test_two_functions_that_swap_what_they_do_are_seen(same):
    """Names do not count, so what is called where must."""
    assert not same(
        (PICKS, "return values[::-1]", "return None"),
        (PICKS, "return values\n", "return values[::-1]\n"),
    )


def test_a_shadowed_name_is_the_variable_and_no_reference(project):
    """The parameter of the inner function is not the constant that has its name, and the constant is no parameter."""
    found = []
    for key in ("lambda OTHER: OTHER", "lambda other: OTHER", "lambda other: other"):
        written(project, {PART: PROJECT[PART].replace("sorted(values)", f"sorted(values, key={key})")})
        edit(project / PART, "def helper", "OTHER = 1\n\ndef helper")
        found.append(Code(project).compute_fingerprint(SCRIPT))
    assert len(set(found)) == 3  # a parameter's own name counts, as a call may state it


def test_functions_that_call_each_other_may_be_renamed(project):
    edit(project / PART, "sorted(values)", "even(len(values))")
    pair = "\ndef even(n):\n    return n == 0 or odd(n - 1)\n\ndef odd(n):\n    return n != 0 and even(n - 1)\n"
    written(project, {PART: (project / PART).read_text() + pair})
    before = Code(project).compute_fingerprint(SCRIPT)
    edit(project / PART, "even", "is_even")
    edit(project / PART, "odd", "is_odd")
    assert Code(project).compute_fingerprint(SCRIPT) == before
    edit(project / PART, "n != 0", "n > 0")
    assert Code(project).compute_fingerprint(SCRIPT) != before


def test_names_count_where_the_code_reads_them(project):
    edit(project / PART, "sorted(values)", "other.__name__")
    edit(project / PART, "def helper", "def other():\n    return 1\n\ndef helper")
    before = Code(project).compute_fingerprint(SCRIPT)
    edit(project / PART, "other", "renamed")
    assert Code(project).compute_fingerprint(SCRIPT) != before


def test_only_names_of_classes_count_where_only_those_are_read(project):
    edit(project / PART, "sorted(values)", "type(Kind()).__name__")
    edit(project / PART, "def helper", "class Kind:\n    pass\n\ndef helper")
    before = Code(project).compute_fingerprint(SCRIPT)
    edit(project / PART, "helper", "in_order")
    assert Code(project).compute_fingerprint(SCRIPT) == before
    edit(project / PART, "Kind", "Sort")
    assert Code(project).compute_fingerprint(SCRIPT) != before


TABLE = """
TABLE = {}

def keep(function):
    TABLE[function.__name__] = function
    return function

@keep
def one():
    return 1
"""
AROUND = """
LIMIT = 1

def changes_no_result(function):
    return function

@changes_no_result
def log():
    return LIMIT
"""
SHAPE = """
from dataclasses import dataclass
from typing import ClassVar

@dataclass
class Shape:
    width: int
    height: int = 1
"""


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_what_a_decorator_registers_counts_with_its_name(project):
    written(project, {"reproof/table.py": TABLE})
    edit(project / PART, "sorted(values)", "TABLE[values]()")
    edit(project / PART, "import numpy", "from reproof.table import TABLE\nimport numpy")
    found = [Code(project).compute_fingerprint(SCRIPT)]
    for old, new in (("return 1", "return 2"), ("def one", "def two")):
        edit(project / "reproof/table.py", old, new)
        found.append(Code(project).compute_fingerprint(SCRIPT))
    assert len(set(found)) == 3


def test_code_that_surrounds_a_job_is_not_followed(project):
    written(project, {"reproof/around.py": AROUND})
    edit(project / SCRIPT, "here = snakemake", "from reproof.around import log\nlog()\nhere = snakemake")
    before = Code(project).compute_fingerprint(SCRIPT)
    edit(project / "reproof/around.py", "return LIMIT", "return 2 * LIMIT")
    assert Code(project).compute_fingerprint(SCRIPT) == before
    edit(project / "reproof/around.py", "@changes_no_result\n", "")
    assert Code(project).compute_fingerprint(SCRIPT) != before


DECLARING = """
def reads_declarations(function):
    return function

@reads_declarations
def declaration(name):
    return name

def operation(metrics, cost):
    return lambda function: function

WORDS = "accuracy"

@operation(metrics=[WORDS], cost=1)
def measured():
    return 1
"""


def test_what_modules_declare_counts_where_it_is_read(project):
    written(project, {"reproof/declaring.py": DECLARING})
    edit(project / PART, "import numpy", "from reproof.declaring import declaration, measured\nimport numpy")
    found = {}
    for reached in ("sorted", "measured", "declaration"):
        written(project, {PART: (project / PART).read_text().replace("return sorted(", f"return {reached}(")})
        for word in ("accuracy", "error"):
            written(project, {"reproof/declaring.py": DECLARING.replace('"accuracy"', f'"{word}"')})
            found[reached, word] = Code(project).compute_fingerprint(SCRIPT)
        for cost in (1, 2):
            written(project, {"reproof/declaring.py": DECLARING.replace("cost=1", f"cost={cost}")})
            found[reached, cost] = Code(project).compute_fingerprint(SCRIPT)
        edit(project / PART, f"return {reached}(", "return sorted(")
    for reached in ("sorted", "measured"):
        assert found[reached, "accuracy"] == found[reached, "error"]
    assert found["declaration", "accuracy"] != found["declaration", "error"]
    assert found["declaration", 1] == found["declaration", 2]


def test_the_folder_of_a_file_is_the_same_after_a_move(project):
    folder = "from pathlib import Path\nRATE = len(str({} / 'data'))\n"
    written(project, {CONSTANTS: folder.format("Path(__file__).parent.parent.parent")})
    edit(project / PART, "RATE, unused", "RATE")
    before = Code(project).compute_fingerprint(SCRIPT)
    written(project, {"reproof/flat.py": folder.format("Path(__file__).parent.parent")})
    edit(project / PART, "reproof.deep.constants", "reproof.flat")
    assert Code(project).compute_fingerprint(SCRIPT) == before
    written(project, {"reproof/flat.py": folder.format("Path(__file__).parent")})
    assert Code(project).compute_fingerprint(SCRIPT) != before


def test_a_template_beside_reached_code_counts(same):
    assert not same(files={"reproof/page.j2": "one"})
    assert not same(files={"reproof/page.j2": "two"})


def test_a_template_beside_other_code_does_not(same):
    assert same(files={"reproof/elsewhere/page.j2": "one"})


def test_fields_of_a_class_count_and_their_types_do_not(project):
    edit(project / PART, "sorted(values)", "Shape(values)")
    edit(project / PART, "import numpy", "from reproof.shape import Shape\nimport numpy")

    def found(old, new):
        written(project, {"reproof/shape.py": SHAPE.replace(old, new)})
        return Code(project).compute_fingerprint(SCRIPT)

    before = found("", "")
    assert found("width: int", "width: float") == before
    assert found("width: int", "depth: int") != before
    assert found("height: int = 1", "height: ClassVar[int] = 1") != before
    assert found("height: int = 1", "height: int = 2") != before
    edit(project / PART, "Shape(values)", "[one.type for one in fields(Shape)]")
    edit(project / PART, "import numpy", "from dataclasses import fields\nimport numpy")
    assert found("width: int", "width: float") != found("", "")


def test_a_pick_that_is_not_registered_is_named(project):
    with pytest.raises(ReproofError, match="pick 'third' is unknown; choose one of other, plain"):
        Code(project).compute_fingerprint(SCRIPT, [("picks.py", "pick", "third")])


# Kept between starts


def start(project):
    """Fingerprints as a start of its own finds them."""
    return Fingerprints(project / "kept.json", root=project)


def first(project):
    """The script's fingerprint, as a first start finds it and keeps it."""
    one = start(project)
    found = one.compute(SCRIPT)
    one.keep()
    return found


def test_they_are_those_of_the_code_and_are_kept(project):
    assert first(project) == Code(project).compute_fingerprint(SCRIPT)
    content = json.loads((project / "kept.json").read_text())
    (project / "kept.json").write_text(json.dumps(content | {"code": {key: "kept" for key in content["code"]}}))
    assert start(project).compute(SCRIPT) == "kept"


@pytest.mark.parametrize(
    ("name", "old", "new"), [(SCRIPT, "here.input", "here.inpud"), (CONSTANTS, "BASE = 2", "BASE = 3")]
)
def test_a_change_of_any_source_is_seen_at_the_next_start(project, name, old, new):
    """Of the same length, and with the time of the file set back: `ctime` differs."""
    before, path = first(project), project / name
    stat = path.stat()
    path.write_text(path.read_text().replace(old, new))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert path.stat().st_size == stat.st_size and path.stat().st_mtime_ns == stat.st_mtime_ns
    assert start(project).compute(SCRIPT) not in (before, "")


def test_an_added_file_is_seen_at_the_next_start(project):
    first(project)
    (project / "reproof/page.j2").write_text("one")
    assert start(project).compute(SCRIPT) == Code(project).compute_fingerprint(SCRIPT)


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"sources": []}', '{"sources": [], "code": 3}', "[" * 100_000, '{"sources": {}}']
)
def test_a_file_that_holds_none_is_replaced(project, content):
    before = first(project)
    (project / "kept.json").write_text(content)
    assert start(project).compute(SCRIPT) == before


@pytest.mark.parametrize("code", [5, [], {}, None, True, 1.5])
def test_kept_fingerprints_of_a_wrong_type_are_computed_again(project, code):
    before = first(project)
    content = json.loads((project / "kept.json").read_text())
    for wrong in ({key: code for key in content["code"]}, code, [[key, "x"] for key in content["code"]]):
        (project / "kept.json").write_text(json.dumps(content | {"code": wrong}))
        assert start(project).compute(SCRIPT) == before


@pytest.mark.parametrize("name", ["Thumbs.db", ".DS_Store", "desktop.ini", "._page.css"])
def test_what_a_system_drops_beside_code_changes_nothing(project, name):
    before = first(project)
    (project / "reproof" / name).write_bytes(b"\xff\x00")
    assert start(project).compute(SCRIPT) == before


def test_where_nothing_can_be_written_the_sources_are_read_again(project):
    one = Fingerprints(project / "reproof/part.py/kept.json", root=project)
    assert one.compute(SCRIPT) == Code(project).compute_fingerprint(SCRIPT)
    one.keep()
    assert not (project / "kept.json").exists()


def test_the_state_of_files_names_every_file_but_compiled_ones(project):
    written(project, {"reproof/__pycache__/part.pyc": ""})
    names = {os.path.relpath(row[0], project) for row in states(project / "reproof", project / "workflow/scripts")}
    assert names == set(PROJECT)
    assert module.SOURCES == ("reproof", "workflow/scripts")
