"""What is kept between starts: fingerprints and valid configurations, used while no file changes, and never after."""

import json
import os

import pytest

from reproof import fingerprints, provenance
from reproof.fingerprints import Fingerprints

SCRIPT = "workflow/scripts/one.py"


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A project of a script, a module that it imports, and a template beside that."""
    for module in (fingerprints, provenance):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    for name, text in ((SCRIPT, "import reproof.part"), ("reproof/part.py", "X = 1"), ("reproof/page.j2", "one")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def started(tree):
    """Fingerprints as a start of their own finds them: what this process has read is forgotten."""
    for one in (provenance.fingerprint, provenance._parsed, provenance._imported, provenance._normalised):
        one.cache_clear()
    return Fingerprints(tree / "kept.json")


def first(tree):
    """The script's fingerprint, as a first start finds it and keeps it."""
    start = started(tree)
    found = start.of(SCRIPT)
    start.keep()
    return found


def test_they_are_those_of_the_code_and_are_kept(tree):
    found = first(tree)
    assert found == provenance.fingerprint(SCRIPT)
    content = json.loads((tree / "kept.json").read_text())
    (tree / "kept.json").write_text(json.dumps(content | {"code": {key: "kept" for key in content["code"]}}))
    assert started(tree).of(SCRIPT) == "kept"


@pytest.mark.parametrize("name", [SCRIPT, "reproof/part.py", "reproof/page.j2"])
def test_a_change_of_any_source_makes_them_anew(tree, name):
    """Of the same length, and with the time of the file set back: `ctime` tells."""
    before, path = first(tree), tree / name
    stat = path.stat()
    path.write_text({SCRIPT: "import reproof.past", "reproof/part.py": "X = 2", "reproof/page.j2": "two"}[name])
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert path.stat().st_size == stat.st_size and path.stat().st_mtime_ns == stat.st_mtime_ns
    assert started(tree).of(SCRIPT) not in (before, "")


def test_a_source_more_makes_them_anew(tree):
    (tree / SCRIPT).write_text("import reproof.part, reproof.new")
    before = first(tree)
    (tree / "reproof/new.py").write_text("Y = 1")
    assert started(tree).of(SCRIPT) != before


@pytest.mark.parametrize("content", ["", "{", "[]", '{"sources": []}', '{"sources": [], "code": 3}'])
def test_what_is_no_memory_of_them_is_made_anew(tree, content):
    before = first(tree)
    (tree / "kept.json").write_text(content)
    assert started(tree).of(SCRIPT) == before


def test_where_nothing_can_be_written_the_sources_are_read_again(tree):
    start = Fingerprints(tree / "reproof/part.py/kept.json")
    assert start.of(SCRIPT) == provenance.fingerprint(SCRIPT)
    start.keep()
    assert not (tree / "kept.json").exists()
