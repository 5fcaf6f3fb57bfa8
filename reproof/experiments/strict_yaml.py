"""Strict reading of YAML files: slips that YAML accepts are errors, which name file and key."""

from pathlib import Path
from typing import Any

import yaml

from reproof.storage.files import ROOT, ReproofError

Tree = dict[str, Any]
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml, where it is there, reads eight times as fast


def make_complaint(where: Path, key: str, what: str) -> ReproofError:
    """Return the error for one key of one file."""
    return ReproofError(f"{_shown(where)}: {key}: {what}")


def read_yaml(path: Path) -> Tree:
    """Return the mapping in a YAML file; raise ReproofError if it is unreadable or ambiguous."""
    try:
        text = path.read_text(encoding="utf-8")
        try:
            tree = _constructed(path, LOADER(text))
        except yaml.YAMLError:
            tree = _constructed(path, yaml.SafeLoader(text))  # which names the character that is wrong
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ReproofError(f"{_shown(path)}: is not readable YAML: {' '.join(str(error).split())}") from error
    if not isinstance(tree, dict):
        raise ReproofError(f"{_shown(path)}: is empty or no mapping; see workflow/schemas for its keys")
    return tree


def _constructed(path: Path, loader: Any) -> Any:
    node = loader.get_single_node()
    _refuse_slips(path, node)
    return loader.construct_document(node) if node else None


def _refuse_slips(path: Path, node: yaml.Node | None) -> None:
    """Raise ReproofError for slips that YAML accepts: a key that occurs twice or is no text, .nan and .inf."""
    keys = [key for key, _ in node.value] if isinstance(node, yaml.MappingNode) else []
    for place, key in enumerate(keys):
        at = f"line {key.start_mark.line + 1}"
        if key.value in [earlier.value for earlier in keys[:place]]:
            raise make_complaint(path, at, f"the key {key.value!r} is given twice; drop one")
        if not key.tag.endswith((":str", ":merge")):
            raise make_complaint(path, at, f"YAML does not read {key.value!r} as text; quote it")
    if isinstance(node, yaml.ScalarNode) and node.tag.endswith(":float") and "n" in node.value.lower():
        raise make_complaint(path, f"line {node.start_mark.line + 1}", f"{node.value} is not a finite number")
    for child in node.value if isinstance(node, yaml.CollectionNode) else []:
        _refuse_slips(path, child[1] if isinstance(child, tuple) else child)


def _shown(path: Path) -> Path:
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
