"""YAML that is read otherwise than written, or that would never end, is one line with file, line and remedy."""

import os
import re
import time

import pytest
from small_paper import CONFIG, PAPER, SCALE, changed, plan, write

from reproof.experiments.configuration import check_config_file, read_configuration
from reproof.experiments.strict_yaml import read_yaml
from reproof.planning.inventory import make_gallery_job
from reproof.planning.plan import Plan
from reproof.storage.files import ReproofError

SCALARS = {  # value: what is said of it
    "010": "YAML reads 010 as 8; write 10, or 8 if the number is octal",
    "-010": "YAML reads -010 as -8; write -10, or -8 if the number is octal",
    "00": "YAML reads 00 as 0; write 0, or quote it if it is text",
    "09": "'09' is text, not a number: YAML reads it so; write 9, or quote it",
    "0x20": "YAML reads 0x20 as 32; write 32, or quote it if it is text",
    "0b1": "YAML reads 0b1 as 1; write 1, or quote it if it is text",
    "0x_": "0x_ is no number; write one, or quote it if it is text",
    "0o17": "'0o17' is text, not a number: YAML reads it so; write 15, or quote it",
    "1_000": "YAML reads 1_000 as 1000; write 1000, or quote it if it is text",
    "1_0.5": "YAML reads 1_0.5 as 10.5; write 10.5, or quote it if it is text",
    "1,000": "'1,000' is text, not a number: YAML reads it so; write 1000, or quote it",
    "1:30": "YAML reads 1:30 as 90; write 90, or quote it if it is text",
    "1:30.5": "YAML reads 1:30.5 as 90.5; write 90.5, or quote it if it is text",
    ".inf": ".inf is not a finite number",
    "-.INF": "-.INF is not a finite number",
    ".NaN": ".NaN is not a finite number",
    "1.0e+400": "1.0e+400 is not a finite number: it is beyond the largest one, 1.8e+308",
    "1e400": "'1e400' is text to YAML, and beyond the largest number; write a smaller one",
    "1.0e-400": "1.0e-400 is 0 to a computer: it is below the smallest number; write 0.0",
    "1e3": "'1e3' is text, not a number: YAML reads it so; write 1000, or quote it",
    "2e1": "'2e1' is text, not a number: YAML reads it so; write 20, or quote it",
    "1E-3": "'1E-3' is text, not a number: YAML reads it so; write 1.0e-3, or quote it",
    "1.0e3": "'1.0e3' is text, not a number: YAML reads it so; write 1000, or quote it",
    "\uff11\uff10": "'\uff11\uff10' is text, not a number: YAML reads it so; write 10, or quote it",
    "yes": "YAML reads yes as true; write true, or quote it if it is text",
    "Off": "YAML reads Off as false; write false, or quote it if it is text",
    "ON": "YAML reads ON as true; write true, or quote it if it is text",
    "no": "YAML reads no as false; write false, or quote it if it is text",
    "2026-11-27": "YAML reads 2026-11-27 as a date; quote it",
    "2026-11-27 10:00:00": "YAML reads 2026-11-27 10:00:00 as a date; quote it",
    "~": "YAML reads ~ as null; write null, or quote it if it is a path",
    "Null": "YAML reads Null as null; write null",
    "": "has no value; write one, or null for none",
    "=": "YAML reads = as a value; quote it",
    "<<": "YAML reads << as a merge; quote it",
    "?1 + 1": "'?1 + 1' marks a template; nothing is run here, so write the value, or quote it",
    "9" * 16: f"{'9' * 16} has 16 digits; no number here needs more than 15",
    "9" * 10_000: f"{'9' * 30}... has 10,000 characters; no number here needs more than 40",
    "0x" + "f" * 9_000: f"0x{'f' * 28}... has 9,002 characters; no number here needs more than 40",
    "0." + "1" * 9_000: f"0.{'1' * 28}... has 9,002 characters; no number here needs more than 40",
}
SOUND = ["1", "0", "-3", "+3", "2.0", "0.5", ".5", "1.", "1.0e-4", "-1.5e+10", "0.0", "true", "False", "null", "text",
         "'010'", '"1e3"', "'yes'", "'~'", "1.2.3", "2-layer", "[1, 2]", "{a: 1}", "'2026-11-27'"]  # fmt: skip
BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 30))
MERGES = "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 40))
FILES = {  # content: what is said of the file
    "an empty file": (b"", "is empty or no mapping"),
    "a comment alone": (b"# nothing\n", "is empty or no mapping"),
    "a list": (b"- a\n", "is empty or no mapping"),
    "a text": (b"text\n", "is empty or no mapping"),
    "UTF-16": ("a: 1\n".encode("utf-16"), "line 1: begins with a mark of UTF-16; save the file as UTF-8 without"),
    "UTF-16 without a mark": ("a: 1\n".encode("utf-16-le"), "line 1: holds the control character U+0000"),
    "UTF-32": ("a: 1\n".encode("utf-32"), "line 1: begins with a mark of UTF-32"),
    "a mark of UTF-8": (b"\xef\xbb\xbfa: 1\n", "line 1: begins with a mark of UTF-8"),
    "Latin-1": (b"a: 1\nb: \xe9\n", "line 2: the byte 0xe9 is not UTF-8; save the file as UTF-8"),
    "a surrogate": (b"a: \xed\xa0\x80\n", "line 1: the byte 0xed is not UTF-8"),
    "NUL": (b"a: 1\nb: \x00\n", "line 2: holds the control character U+0000"),
    "an escape": (b"a: \x1b[0m\n", "line 1: holds the control character U+001B"),
    "a line end of Unicode": ("a: x\u2028b: 1\n".encode(), "line 1: holds the control character U+2028"),
    "a tab": (b"a:\n\t- 1\n", "line 2: is not readable YAML: found character that cannot start any token; indent with"),
    "a broken list": (b"a: [1,\n", "line 2: is not readable YAML"),
    "an open quote": (b"a: 'x\n", "line 2: is not readable YAML"),
    "two documents": (b"a: 1\n---\nb: 1\n", "line 2: is not readable YAML"),
    "a key twice": (b"a: 1\nb: 2\na: 3\n", "line 3: the key 'a' is given twice; drop one"),
    "a quoted key twice": (b"a: 1\n'a': 3\n", "line 2: the key 'a' is given twice; drop one"),
    "two merges": (b"a: &a {x: 1}\nb: {<<: *a, <<: *a}\n", "line 2: the key '<<' is given twice; drop one"),
    "a merge of a text": (b"a: {<<: text}\n", "line 1: is not readable YAML"),
    "a number as a key": (b"1: a\n", "line 1: YAML does not read '1' as text; quote it"),
    "a word as a key": (b"on: a\n", "line 1: YAML does not read 'on' as text; quote it"),
    "null as a key": (b"~: a\n", "line 1: YAML does not read '~' as text; quote it"),
    "a list as a key": (b"? [a, b]\n: 1\n", "line 1: a list or mapping is no key; write a name"),
    "a mapping as a key": (b"{a: 1}: 2\n", "line 1: a list or mapping is no key; write a name"),
    "a key with a space that nobody sees": ("a\u200b: 1\n".encode(), "line 1: the key 'a\\u200b' holds what does not"),
    "a key of two lines": (b'"a\\nb": 1\n', "line 1: the key 'a\\nb' holds what does not print; write a name"),
    "a template": (b"__use_yte__: true\na: 1\n", "line 1: '__use_yte__' marks a template; nothing is run here"),
    "an expression": (b"?if True:\n  a: 1\n", "line 1: '?if True' marks a template; nothing is run here"),
    "definitions": (b"__definitions__:\n  - import os\n", "line 1: '__definitions__' marks a template"),
    "an object": (b"a: !!python/object/apply:os.system [ls]\n", "line 1: the tag tag:yaml.org,2002:python/"),
    "a tag of its own": (b"a: !mine 1\n", "line 1: the tag !mine has no place here; delete it"),
    "a plain tag": (b"a: !!float 1\n", "line 1: the tag tag:yaml.org,2002:float has no place here; delete it"),
    "an alias of nothing": (b"a: *b\n", "line 1: *b is unknown; name it with & on an earlier line"),
    "a list that holds itself": (b"a: &a [*a]\n", "line 1: *a holds itself; write out what it is to hold"),
    "a mapping that holds itself": (b"a: &a\n  b: {c: *a}\n", "line 2: *a holds itself"),
    "a mapping that merges itself": (b"a: &a {<<: *a}\n", "line 1: *a holds itself"),
    "aliases of aliases": (BOMB.encode(), "line 6: holds more than 100,000 values with aliases written out"),
    "merges of merges": (MERGES.encode(), "line 15: holds more than 100,000 values with aliases written out"),
    "100,000 nested lists": (b"a: " + b"[" * 100_000, "line 1: nests more than 40 lists and mappings; nest fewer"),
    "100,000 nested mappings": (b"{a: " * 100_000, "line 1: nests more than 40 lists and mappings"),
    "100,000 nested blocks": (b"- " * 100_000, "line 1: nests more than 40 lists and mappings"),
    "too many values": (b"a: [" + b"1," * 150_000 + b"1]\n", "line 1: holds more than 100,000 values"),
    "too large a file": (b"a: '" + b"x" * 1_000_000 + b"'\n", "has more than 1,000,000 bytes"),
}  # fmt: skip


def say(tmp_path, content):
    """Return the one line that a file of this content gives, without the folder."""
    file = tmp_path / "file.yaml"
    file.write_bytes(content)
    with pytest.raises(ReproofError) as caught:
        read_yaml(file)
    text = str(caught.value).removeprefix(f"{file}: ")
    assert "\n" not in text and len(text) < 160
    return text


@pytest.mark.parametrize("value", SCALARS, ids=lambda value: value[:20] or "nothing")
def test_a_value_that_yaml_reads_otherwise_is_named_with_its_key(tmp_path, value):
    assert say(tmp_path, f"a:\n  b: {value}\n".encode()) == f"line 2: a.b: {SCALARS[value]}"


def test_values_in_lists_and_behind_anchors_are_checked(tmp_path):
    assert say(tmp_path, b"a: [1, 2, 010]\n").startswith("line 1: a[2]: YAML reads 010 as 8")
    assert say(tmp_path, b"a: [1,000]\n").startswith("line 1: a[1]: YAML reads 000 as 0")
    assert say(tmp_path, b"a: &a {b: 1:30}\nc: *a\nd: {<<: *a}\n").startswith("line 1: a.b: YAML reads 1:30 as 90")


@pytest.mark.parametrize("value", SOUND)
def test_values_that_all_read_alike_pass(tmp_path, value):
    (tmp_path / "file.yaml").write_text(f"a: {value}\n")
    assert "a" in read_yaml(tmp_path / "file.yaml")


@pytest.mark.parametrize("name", FILES)
def test_a_hostile_or_broken_file_is_one_line_at_once(tmp_path, name):
    content, says = FILES[name]
    began = time.process_time()
    assert say(tmp_path, content).startswith(says)
    assert time.process_time() - began < 5, "the work is bounded by the size of the file"


@pytest.mark.parametrize("kind", ["pipe", "folder", "device"])
def test_what_is_no_regular_file_is_not_read(tmp_path, kind):
    file = tmp_path / "file.yaml"
    make = {"pipe": os.mkfifo, "folder": os.mkdir, "device": lambda path: path.symlink_to("/dev/zero")}
    make[kind](file)
    with pytest.raises(ReproofError, match=r"file\.yaml: cannot be read \(it is not a regular file\); put a YAML file"):
        read_yaml(file)


@pytest.mark.parametrize("name", ["x" * 300, "a\0b", "a\nb", "\udcff", "\x1b[31m"])
def test_a_file_whose_name_no_system_takes_or_no_screen_shows_is_one_line(tmp_path, name):
    with pytest.raises(ReproofError, match=r": cannot be read \(.+\); put a YAML file there, or mend") as caught:
        read_yaml(tmp_path / name)
    assert str(caught.value).isprintable()


ESCAPES = [r"\0", r"\e[31m", r"\x07", r"\N", r"\u2028", r"\ufeff", r"\ufffe"]


@pytest.mark.parametrize("escape", ESCAPES)
def test_an_escape_for_a_control_character_is_refused_like_the_character(tmp_path, escape):
    assert say(tmp_path, f'a: {{b: "x{escape}"}}\n'.encode()).startswith("line 1: a.b: holds an escape for the control")


@pytest.mark.parametrize("escape", [r"\n", r"\t", r"\u00e9", r"\U0001F600", r"\\", r"\/", r"\""])
def test_an_escape_for_a_character_of_text_passes(tmp_path, escape):
    (tmp_path / "file.yaml").write_text(f'a: "x{escape}"\n')
    assert read_yaml(tmp_path / "file.yaml")["a"][0] == "x"


def test_a_file_that_is_absent_is_one_line(tmp_path):
    with pytest.raises(ReproofError, match=r"none\.yaml: cannot be read \(No such file or directory\); put a"):
        read_yaml(tmp_path / "none.yaml")


def test_line_ends_of_windows_pass(tmp_path):
    (tmp_path / "file.yaml").write_bytes(b"a: 1\r\nb: two\r\n")
    assert read_yaml(tmp_path / "file.yaml") == {"a": 1, "b": "two"}


INTEGERS = {
    "runs.small.seeds": 2.0, "runs.small.levels": 3.0, "runs.small.training.steps": 100.0,
    "runs.small.training.batch": 60.0, "runs.small.dataset.validation": 500.0, "runs.small.pruning.rewind": 0.0,
    "runs.small.controls.reinitialise.draws": 2.0, "runs.small.controls.noise_2.levels": [1, 3.0],
}  # fmt: skip


@pytest.mark.parametrize("key", INTEGERS)
def test_an_integer_with_a_point_says_write_it_without(tmp_path, key):
    value = INTEGERS[key]
    with pytest.raises(ReproofError) as caught:
        plan(tmp_path, papers={"one": changed(PAPER, {key: value})})
    wrong = value[-1] if isinstance(value, list) else value
    assert str(caught.value).endswith(f": {wrong} is no integer; write {int(wrong)}")


def test_the_blocks_of_a_scale_are_integers(tmp_path):
    with pytest.raises(ReproofError, match=r"blocks\.seeds: 2\.0 is no integer; write 2"):
        plan(tmp_path, scale=changed(SCALE, {"blocks.seeds": 2.0}))


OPTIONS = {  # of evaluations: what is said
    "a point in an integer": ({"measure": "connect", "points": 5.0}, "points: 5.0 is no integer; write 5"),
    "a point in a list": ({"measure": "attack", "attacks": {}, "epsilons": [0.1], "queries": [10.0]}, "queries: 10.0"),
    "text for a truth": ({"measure": "supermask", "budget": 5, "constant": "false"}, "constant: 'false' is neither"),
    "a number for a truth": ({"measure": "supermask", "budget": 5, "constant": 1}, "constant: '1' is neither true nor"),
    "text for a list": ({"measure": "connect", "splits": "test"}, "splits: 'test' is no list; write [test]"),
    "a number for text": ({"measure": "connect", "between": 5}, "between: 5 is not text; quote it"),
    "text for a number": ({"measure": "supermask", "budget": 5, "lr": "0.1"}, "lr: '0.1' is text, not a number;"),
    "a number for a list": ({"measure": "attack", "attacks": {}, "epsilons": 0.1}, "epsilons: '0.1' is no list;"),
    "a number for a mapping": ({"measure": "untrained", "criteria": ["random"], "share": 0.5}, "share: '0.5' is no"),
    "a formula as a label": ({"measure": "attack", "attacks": {"$\\frac{$": {"attack": "fgsm"}}, "epsilons": [0.1]},
                             "attacks.$\\frac{$: a label holds $, which begins a formula in figures"),
    "all but the last": ({"measure": "attack", "attacks": {}, "examples": -1}, "examples: -1 is below 0, and all"),
    "fewer than none in a list": ({"measure": "attack", "attacks": {}, "queries": [5, -5]}, "queries: -5 is below 0"),
    "an attack of fewer steps than none": (
        {"measure": "attack", "attacks": {"a": {"attack": "pgd", "steps": -3}}, "epsilons": [0.1]},
        "attacks.a.steps: -3 is below 0, and all integers here are counts; write 0 or more",
    ),
    "fewer points than none": ({"measure": "connect", "points": -5}, "points: -5 is below 0"),
    "fewer pictures than none": ({"measure": "attack", "attacks": {}, "pictures": -1}, "pictures: -1 is below 0"),
    "an attack that is a name": ({"measure": "attack", "attacks": {"a": "fgsm"}, "epsilons": [0.1]}, "attacks.a: is"),
    "an attack with text for a truth": (
        {"measure": "attack", "attacks": {"a": {"attack": "fgsm", "targeted": "no"}}, "epsilons": [0.1]},
        "attacks.a.targeted: 'no' is neither true nor false",
    ),
    "an attack with one distance": (
        {"measure": "attack", "attacks": {"a": {"attack": "fgsm", "epsilons": 0.1}}, "epsilons": [0.1]},
        "attacks.a.epsilons: '0.1' is no list; write [0.1]",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", OPTIONS)
def test_an_option_of_another_type_is_refused_at_planning(tmp_path, name):
    options, says = OPTIONS[name]
    with pytest.raises(ReproofError) as caught:
        plan(tmp_path, papers={"one": changed(PAPER, {"runs.small.evaluations": {"all": options}})})
    assert str(caught.value).partition("evaluations.all.")[2].startswith(says)


ALIKE = {
    "runs.small.training.lr": (1, 1.0), "runs.small.training.weight_decay": (0, 0.0),
    "runs.small.network.width": (2, 2.0), "runs.small.controls.noise_2.scale": (2, 2.0),
    "runs.small.evaluations.learned": tuple({"measure": "supermask", "budget": 5, "lr": lr} for lr in (50, 50.0)),
    "runs.small.evaluations.pruned": tuple(
        {"measure": "attack", "attacks": {"a": {"attack": "fgsm", "epsilons": [one]}}} for one in (1, 1.0)
    ),
}  # fmt: skip


@pytest.mark.parametrize("key", ALIKE)
def test_an_integer_where_a_float_is_asked_names_the_same_run(tmp_path, key):
    both = [plan(tmp_path / str(n), papers={"one": changed(PAPER, {key: one})}) for n, one in enumerate(ALIKE[key])]
    names = [{job.folder: job.settings_line for job in one.list_jobs() if job.run} for one in both]
    assert names[0] == names[1]


MANY = {
    "seeds": ({"runs.small.seeds": 10**9}, "is greater than the maximum of 10000"),
    "levels": ({"runs.small.levels": 10**9}, "is greater than the maximum of 1000"),
    "draws": ({"runs.small.controls.reinitialise.draws": 10**9}, "is greater than the maximum of 10000"),
    "all together": ({"runs.small.seeds": 9000, "runs.small.levels": 900}, "lower seeds, levels, draws"),
}


@pytest.mark.parametrize("name", MANY)
def test_too_many_networks_are_refused_at_once(tmp_path, name):
    changes, says = MANY[name]
    with pytest.raises(ReproofError, match=re.escape(says)):
        plan(tmp_path, papers={"one": changed(PAPER, changes)})


CONFIG_TEXT = "scale: tiny\npapers: [one]\ndata: {mirror: null, image_size: 64}\n"
CONFIGS = {  # what is changed in config.yaml: what is said
    "a key twice": ("scale: tiny\n", "scale: tiny\nscale: demo\n", "line 2: the key 'scale' is given twice"),
    "a template": ("scale: tiny\n", "__use_yte__: true\nscale: tiny\n", "line 1: '__use_yte__' marks a template"),
    "an expression": ("scale: tiny\n", "?if True:\n  scale: tiny\n", "line 1: '?if True' marks a template"),
    "a value that is run": ("scale: tiny\n", "scale: ?os.getcwd()\n", "line 1: scale: '?os.getcwd()' marks a template"),
    "an octal number": ("64", "0100", "line 3: data.image_size: YAML reads 0100 as 64; write 100, or 64"),
    "a point": ("64", "64.0", "data.image_size: 64.0 is no integer; write 64"),
    "a quoted number": ("64", "'64'", "data.image_size: '64' is text, not a number; write 64"),
    "the sign of home": ("null", "~", "line 3: data.mirror: YAML reads ~ as null; write null, or quote it"),
    "a number for a name": ("tiny", "10", "scale: 10 is not text; quote it"),
    "a key of data on top": ("scale", "mirror: null\nscale", "mirror: is a key of data; write data: {mirror: ...}"),
}  # fmt: skip


@pytest.mark.parametrize("name", CONFIGS)
def test_config_yaml_is_checked_as_strictly_before_snakemake_reads_it(tmp_path, name):
    old, new, says = CONFIGS[name]
    (tmp_path / "config.yaml").write_text(CONFIG_TEXT.replace(old, new, 1))
    with pytest.raises(ReproofError) as caught:
        check_config_file(tmp_path / "config.yaml")
    assert str(caught.value).removeprefix(f"{tmp_path}/config.yaml: ").startswith(says)


def test_a_sound_config_yaml_passes(tmp_path):
    (tmp_path / "config.yaml").write_text(CONFIG_TEXT)
    check_config_file(tmp_path / "config.yaml")


def test_text_of_the_command_line_is_read_in_its_type(tmp_path):
    """Snakemake hands all that stands in braces over as text."""
    data = {"image_size": "64", "mirror": "null", "imagefolder": ""}
    read = read_configuration(CONFIG | {"data": data}, folder=write(tmp_path))
    assert read.data == {"image_size": 64, "mirror": None, "imagefolder": None}


@pytest.mark.parametrize("size", ["064", "64.0", "1e2", "many"])
def test_text_of_the_command_line_that_is_no_integer_is_refused(tmp_path, size):
    with pytest.raises(ReproofError, match=r"config\.yaml: data\.image_size: "):
        read_configuration(CONFIG | {"data": {"image_size": size}}, folder=write(tmp_path))


@pytest.mark.parametrize("title", ["$\\frac{$", "costs $5", "two\nlines", "", "x" * 201])
@pytest.mark.parametrize("key", ["runs.small.title", "figures.figure_1.title"])
def test_a_title_that_no_figure_can_draw_is_refused_before_training(tmp_path, key, title):
    with pytest.raises(ReproofError, match=rf"{key}: is no line of 1 to 200 characters without \$, which begins a"):
        plan(tmp_path, papers={"one": changed(PAPER, {key: title})})


UNKNOWN = {  # settings of the command line: the key that is named
    "lines": ({"a\nb": 1}, "a\\nb: unknown key"),
    "lines in data": ({"data": {"a\nb": 1}}, "data.a\\nb: unknown key"),
    "colours": ({"\x1b[31m": 1}, "\\x1b[31m: unknown key"),
    "half a pair": ({"data": {"\ud800": 1}}, "data.\\ud800: unknown key"),
    "a number": ({"data": {1: 1}}, "data.1: unknown key"),
    "a long key": ({"data": {"k" * 100_000: 1}}, "data.kkkkk"),
    "a long name": ({"scale": "k" * 100_000}, "scale: 'kkkkk"),
    "a large image": ({"data": {"image_size": "1025"}}, "data.image_size: 1025 is greater than the maximum of 1024"),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_odd_settings_of_the_command_line_are_one_short_line(tmp_path, name):
    given, says = UNKNOWN[name]
    with pytest.raises(ReproofError) as caught:
        read_configuration(CONFIG | given, folder=write(tmp_path))
    text = str(caught.value).partition("config.yaml: ")[2]
    assert text.startswith(says) and text.isprintable() and len(text) < 250


def test_files_that_systems_and_editors_drop_are_no_scales_and_papers(tmp_path):
    folder = write(tmp_path)
    for name in ("scales/._tiny.yaml", "papers/._one.yaml"):
        (folder / name).write_bytes(b"\x00\x05\x16\x07")
    (folder / "scales/.#tiny.yaml").symlink_to("somebody@somewhere.1234")
    assert read_configuration(CONFIG, folder=folder).scales == ("tiny",)


@pytest.mark.parametrize("name", ["a+b", "a(b", "a b", "Tiny/..", "a.b", "ä", "{a}", "-a", "a'b"])
def test_a_scale_or_a_paper_whose_name_no_path_of_results_takes_is_refused(tmp_path, name):
    """Names are parts of patterns, of paths and of commands."""
    folder = write(tmp_path)
    for kind, key in (("scales", "scale"), ("papers", "papers")):
        file = folder / kind / f"{name.replace('/', '_')}.yaml"
        file.write_text("about: nothing\n")
        with pytest.raises(ReproofError, match=rf"config\.yaml: {key}: .* rename") as caught:
            read_configuration(CONFIG | {key: file.stem if key == "scale" else [file.stem]}, folder=folder)
        assert str(caught.value).isprintable()


def test_a_scale_runs_the_papers_that_it_names_and_says_which_it_leaves_out(tmp_path):
    folder = write(tmp_path, {"one": PAPER, "two": PAPER}, SCALE)
    text = (folder / "scales/tiny.yaml").read_text()
    (folder / "scales/tiny.yaml").write_text(text.replace("  two: {}\n", ""))
    (folder / "scales/paper.yaml").write_text(text.partition("papers:")[0])
    asked = CONFIG | {"papers": ["one", "two"]}
    here = Plan(read_configuration(asked, folder=folder))
    assert list(here.papers) == ["one"]
    says = "scale tiny leaves out two; name a paper under `papers` of its file to run it"
    assert here.configuration.describe_left_out() == says
    assert make_gallery_job(here).settings["scale"] == "tiny: For tests. Left out: two."
    with pytest.raises(ReproofError, match=r"scales/tiny\.yaml: papers: names none of two; add the paper to run"):
        read_configuration(asked | {"papers": ["two"]}, folder=folder)
    whole = Plan(read_configuration(asked | {"scale": "paper"}, folder=folder))
    assert (list(whole.papers), whole.configuration.describe_left_out()) == (["one", "two"], "")
