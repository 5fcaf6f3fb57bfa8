"""Strict reading of YAML files: slips that YAML accepts are errors, which name file, line and key.

A file is checked in three passes before anything is built of it: its bytes, then its structure as a stream of events,
then each key and value. The first two bound the work of all that follows.
"""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from reproof.experiments.yaml_scalars import describe_key, describe_scalar, shorten
from reproof.storage.files import ROOT, ReproofError
from reproof.storage.reading import guard_reading, open_regular, show

Tree = dict[str, Any]
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml, where it is there, reads eight times as fast
MOST_BYTES = 1_000_000  # the longest file of config/ has 50,000
MOST_VALUES = 100_000  # with every alias written out
LONGEST_KEY = 200  # characters of a dotted key that an error repeats as a whole
MOST_DEPTH = 40  # lists and mappings inside one another; parsers and checks recurse
MARKS = {  # by their first bytes; the mark of UTF-32 begins with that of UTF-16
    codecs.BOM_UTF32_LE: "UTF-32", codecs.BOM_UTF32_BE: "UTF-32", codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16", codecs.BOM_UTF8: "UTF-8",
}  # fmt: skip
# Characters that YAML refuses, and line ends that only YAML sees.
CONTROL = re.compile(yaml.reader.Reader.NON_PRINTABLE.pattern + "|[\x85\u2028\u2029\ufeff]")


def make_complaint(where: Path, key: str, what: str) -> ReproofError:
    """Return the error for one key of one file."""
    return ReproofError(f"{_shown(where)}: {show(key if len(key) < LONGEST_KEY else shorten(key))}: {show(what)}")


def read_yaml(path: Path) -> Tree:
    """Return the mapping in a YAML file; raise ReproofError if it is unreadable, ambiguous or too large."""
    text = _read_text(path)
    try:
        _check_structure(path, text)
        loader = LOADER(text)
        node = loader.get_single_node()
        _check_scalars(path, node)
        tree = loader.construct_document(node) if node else None
    except yaml.YAMLError as error:
        raise make_complaint(path, *_describe_error(error, text)) from error
    if not isinstance(tree, dict):
        raise ReproofError(f"{_shown(path)}: is empty or no mapping; see workflow/schemas for its keys")
    return tree


def _read_text(path: Path) -> str:
    """Return the text of a file; raise ReproofError unless it is a short file of UTF-8 without control characters."""
    with guard_reading(path, _make_unreadable_error), open_regular(path) as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise ReproofError(f"{_shown(path)}: has more than {MOST_BYTES:,} bytes; a configuration needs far fewer")
    encoding = next((name for mark, name in MARKS.items() if content.startswith(mark)), "")
    if encoding:
        raise make_complaint(path, "line 1", f"begins with a mark of {encoding}; save the file as UTF-8 without a mark")
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        what = f"the byte 0x{content[error.start]:02x} is not UTF-8; save the file as UTF-8"
        raise make_complaint(path, _name_line(content[: error.start].count(b"\n")), what) from error
    if found := CONTROL.search(text):
        what = f"holds the control character U+{ord(found[0]):04X}; delete it, and save the file as UTF-8"
        raise make_complaint(path, _name_line(text.count("\n", 0, found.start())), what)
    return text


@dataclass
class _Open:
    """A list or mapping whose end was not read yet: its anchor ("" for none) and its values, aliases written out."""

    anchor: str
    values: int = 1


def _check_structure(path: Path, text: str) -> None:
    """Raise ReproofError for tags, for an alias of nothing or of what holds it, and for too many values or levels.

    Composing recurses, and an alias of aliases stands for exponentially many values. The events hold each value once.
    """
    open_ones, sizes = [_Open("")], dict[str, int]()
    events: Iterator[Any] = yaml.parse(text, Loader=LOADER)
    for event in events:
        line, anchor = _name_line(event.start_mark.line), str(getattr(event, "anchor", None) or "")
        if getattr(event, "tag", None) is not None:
            raise make_complaint(path, line, f"the tag {shorten(event.tag)} has no place here; delete it")
        if isinstance(event, yaml.CollectionStartEvent):
            open_ones.append(_Open(anchor))
            if len(open_ones) > MOST_DEPTH + 1:
                raise make_complaint(path, line, f"nests more than {MOST_DEPTH} lists and mappings; nest fewer")
            continue
        size = 1
        if isinstance(event, yaml.AliasEvent):
            _refuse_incomplete(path, line, anchor, open_ones, sizes)
            size = sizes[anchor]
        elif isinstance(event, yaml.CollectionEndEvent):
            done = open_ones.pop()
            anchor, size = done.anchor, done.values
        sizes[anchor] = size
        open_ones[-1].values += size
        if open_ones[-1].values > MOST_VALUES:
            raise make_complaint(path, line, f"holds more than {MOST_VALUES:,} values with aliases written out")


def _refuse_incomplete(path: Path, line: str, anchor: str, open_ones: list[_Open], sizes: dict[str, int]) -> None:
    """Raise ReproofError for an alias whose anchor is unknown, or is that of a list or mapping around it."""
    if anchor in [one.anchor for one in open_ones]:
        raise make_complaint(path, line, f"*{shorten(anchor)} holds itself; write out what it is to hold")
    if anchor not in sizes:
        raise make_complaint(path, line, f"*{shorten(anchor)} is unknown; name it with & on an earlier line")


def _check_scalars(path: Path, node: yaml.Node | None) -> None:
    """Raise ReproofError for a key or value that YAML does not read as a person does, and for a key given twice."""
    for key, value, at in _walk(node):
        line = _name_line((value if key is None else key).start_mark.line)
        if key is not None:
            what = describe_key(key)
            if what:
                raise make_complaint(path, line, what)
        elif isinstance(value, yaml.MappingNode):
            _refuse_repeated_keys(path, value)
        elif isinstance(value, yaml.ScalarNode):
            what = _describe_control(value.value) or describe_scalar(value.value, value.tag, plain=not value.style)
            if what:
                raise make_complaint(path, f"{line}: {at}" if at else line, what)


def _describe_control(text: str) -> str:
    """Return what is wrong with a value that spells a control character by an escape; "" if it spells none."""
    found = CONTROL.search(text)
    return f"holds an escape for the control character U+{ord(found[0]):04X}; delete it" if found else ""


def _refuse_repeated_keys(path: Path, mapping: yaml.MappingNode) -> None:
    seen: set[str] = set()
    for key, _ in mapping.value:
        if key.value in seen:
            what = f"the key {shorten(key.value)!r} is given twice; drop one"
            raise make_complaint(path, _name_line(key.start_mark.line), what)
        seen.add(key.value)


def _walk(root: yaml.Node | None) -> Iterator[tuple[yaml.Node | None, yaml.Node, str]]:
    """Yield (key, value, dotted path) of each key, then (None, node, path) of each value; a shared node once."""
    waiting, seen = [(root, "")] if root else [], set[int]()
    while waiting:
        node, at = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        below: list[tuple[yaml.Node, str]] = []
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                yield key, value, at
                below.append((value, f"{at}.{key.value}" if at else str(key.value)))
        elif isinstance(node, yaml.SequenceNode):
            below = [(value, f"{at}[{place}]") for place, value in enumerate(node.value)]
        yield None, node, at
        waiting += reversed(below)


def _describe_error(error: yaml.YAMLError, text: str) -> tuple[str, str]:
    """Return (line, what is wrong) of an error of the parser."""
    mark = getattr(error, "problem_mark", None)
    problem = " ".join(str(getattr(error, "problem", None) or error).split())
    return _name_line(mark.line if mark else 0), f"is not readable YAML: {problem}{_advise(mark, text)}"


def _advise(mark: Any, text: str) -> str:
    lines = text.splitlines()
    tabs = mark and mark.line < len(lines) and "\t" in lines[mark.line]
    return "; indent with spaces, not tabs" if tabs else ""


def _name_line(number: int) -> str:
    """Return the name of the line at an index from 0."""
    return f"line {number + 1}"


def _make_unreadable_error(path: str | Path, reason: str) -> ReproofError:
    return ReproofError(f"{_shown(Path(path))}: cannot be read ({reason}); put a YAML file there, or mend its rights")


def _shown(path: Path) -> str:
    return show(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)
