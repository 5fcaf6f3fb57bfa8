"""Settings checked against the schemas, where a violation is one line with file, key and remedy."""

from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, cast

from jsonschema import Draft202012Validator
from jsonschema import validators as variants
from jsonschema.exceptions import ValidationError, relevance
from referencing import Registry, Resource

from reproof.experiments.strict_yaml import Tree, make_complaint, read_yaml
from reproof.experiments.yaml_scalars import describe_no_integer, describe_no_number, read_number
from reproof.storage.files import ROOT, ReproofError

SCHEMAS = ROOT / "workflow" / "schemas"
LONGEST = 120  # characters of a complaint; jsonschema repeats the whole mapping first, so only the end is shown
# To JSON, 2.0 is an integer. Here it is not: it would name another run than 2.
STRICT = variants.extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    ),
)


@dataclass(frozen=True)
class SettingsSource:
    """The settings of a paper, as published or as a scale changes them, and the file and key that an error names."""

    settings: Tree
    file: Path
    under: str = ""

    def make_complaint(self, key: str, what: str) -> ReproofError:
        """Return the error for one key of these settings."""
        return make_complaint(self.file, self.under + key, what)


@cache
def read_schema(name: str) -> Tree:
    """Return a schema of workflow/schemas by its file name."""
    return read_yaml(SCHEMAS / name)


@cache
def _read_schemas() -> Registry[Any]:
    names = sorted(file.name for file in SCHEMAS.glob("*.schema.yaml"))
    return Registry().with_resources((name, Resource.from_contents(read_schema(name))) for name in names)


def check_schema(source: SettingsSource, schema: str) -> None:
    """Raise ReproofError for the most relevant violation of a schema, if there is one."""
    validator = STRICT(_read_schemas()[schema].contents, registry=_read_schemas())
    error = max(validator.iter_errors(source.settings), key=relevance, default=None)
    if error is not None:
        path, what = _describe_error(error)
        raise source.make_complaint(".".join(map(str, path)) or "(top)", what)


def _describe_error(error: ValidationError) -> tuple[list[Any], str]:
    """Return (path of the key, the error and the correction)."""
    path, value = list(error.absolute_path), cast(Any, error.instance)
    if error.validator == "additionalProperties":
        known: Tree = dict(error.schema.get("properties", {})) if isinstance(error.schema, dict) else {}
        extra = sorted(str(key) for key in dict(value) if key not in known)[0]
        near = get_close_matches(extra, known, 1)
        inside = [name for name, its in known.items() if extra in its.get("properties", {})]
        if inside:
            return [*path, extra], f"is a key of {inside[0]}; write {inside[0]}: {{{extra}: ...}}"
        return [
            *path,
            extra,
        ], f"unknown key; did you mean {near[0]!r}?" if near else f"unknown key; known: {list(known)}"
    if error.validator in ("type", "oneOf") and isinstance(value, str) and read_number(value):
        return path, describe_no_number(value)
    if error.validator == "type" and error.validator_value == "integer" and isinstance(value, float):
        return path, describe_no_integer(value)
    if error.validator == "type" and error.validator_value == "string" and isinstance(value, bool | int | float):
        return path, f"{value!r} is not text; quote it"
    if error.validator == "pattern" and isinstance(error.schema, dict) and "$comment" in error.schema:
        return path, str(error.schema["$comment"])  # a pattern says in a comment what does not fit, and the remedy
    text = " ".join(error.message.split())
    return path, text if len(text) < LONGEST else f"... {text[-LONGEST // 2 :]}"
