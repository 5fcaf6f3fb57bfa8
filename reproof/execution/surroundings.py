"""What surrounds the jobs: the path of the folder, and the variables of the environment.

`make` checks the folder before it installs anything, so this module needs nothing but Python.
"""

import os
import re
import sys
from collections.abc import Iterator, MutableMapping, Sequence
from importlib.machinery import PathFinder
from pathlib import Path

from reproof.storage.errors import ReproofError

UNUSABLE = {  # what a path may not hold, and why
    r"[{}]": "Snakemake takes braces for wildcards",
    r":": "it separates folders in PATH",
    r"""["$`\\]""": "the shell that starts installed commands interprets it",
    r"[\x00-\x1f\x7f]": "installed commands name their Python in one line",
    r"[\ud800-\udfff]": "it is no UTF-8",
}
LONG = 90  # bytes of a path, beyond which pip starts a command by a shell, with quotes only if the path has a space
INTERPRETED = r"[^\w./+@%=,-]"
PLAIN = re.compile(r"[A-Za-z0-9_./+@%=,-]*")  # what no shell interprets
DROPPED = (  # these would change how jobs compute, import or draw
    *("PYTHONOPTIMIZE", "PYTHONWARNINGS", "PYTHONSTARTUP", "PYTHONINSPECT", "PYTHONDEVMODE", "PYTHONIOENCODING"),
    *("NVIDIA_TF32_OVERRIDE", "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE"),  # less precise products of matrices
    *("ONEDNN_DEFAULT_FPMATH_MODE", "DNNL_DEFAULT_FPMATH_MODE"),
    *("MPLBACKEND", "MATPLOTLIBRC"),
)
FIXED = {"PYTHONUTF8": "1", "PYTHONHASHSEED": "0"}  # text is UTF-8 and the order of sets is one, whatever the locale
PACKAGES = {"reproof", "torch", "torchvision", "numpy", "pandas", "scipy", "matplotlib", "pyarrow", "safetensors"}
PACKAGES |= {"PIL", "jinja2", "jsonschema", "mlxtend", "psutil", "snakemake", "statsmodels", "yaml"}


def check_folder(*paths: str) -> None:
    """Raise ReproofError if a path of the folder holds what Snakemake or an installed command misreads.

    Also raise it if Python does not read text, and so these paths, as UTF-8.
    """
    if (encoding := sys.getfilesystemencoding()) != "utf-8":
        raise ReproofError(
            f"PYTHONUTF8, LC_ALL: Python takes text for {encoding}, not UTF-8; start again with: env PYTHONUTF8=1"
        )
    for path in paths:
        long = len(os.fsencode(path)) > LONG and " " not in path
        refused = UNUSABLE | ({INTERPRETED: "a shell interprets it, as the path is long"} if long else {})
        for pattern, reason in refused.items():
            if found := re.search(pattern, path):
                raise ReproofError(
                    f"{path!r}: nothing can run in this folder, because its path contains {found[0]!r} "
                    f"({reason}); rename the folder, or work in a copy elsewhere"
                )


def check_folder_of_cluster(*paths: str) -> None:
    """Raise ReproofError if a path cannot be part of a command that is submitted to a cluster without quotes."""
    for path in paths:
        if not PLAIN.fullmatch(path):
            found = PLAIN.sub("", path)[0]
            raise ReproofError(
                f"{path!r}: jobs cannot be submitted from this folder, because its path contains {found!r}; "
                "rename the folder, or run on this machine: --workflow-profile profiles/default"
            )


def prepare_environment(variables: MutableMapping[str, str]) -> None:
    """Change the variables that jobs inherit so that results depend on none that a user happens to have set.

    Raises ReproofError if PYTHONPATH hides a package that this project uses behind another one.
    """
    for found, installed in _find_hidden(variables.get("PYTHONPATH", "")):
        raise ReproofError(f"PYTHONPATH: {found} hides {installed}; start again with: env -u PYTHONPATH")
    for name in DROPPED:
        variables.pop(name, None)
    variables.update(FIXED)


def _find_hidden(path: str) -> Iterator[tuple[str, str]]:
    """Yield (file that jobs would import, file that they should import) for each module hidden by a PYTHONPATH."""
    entries = [os.path.abspath(entry) for entry in path.split(os.pathsep) if entry]
    others = [entry for entry in sys.path if entry and os.path.abspath(entry) not in entries]
    for entry in entries:
        for name in sorted(_list_modules(entry) & (PACKAGES | sys.stdlib_module_names)):
            first, second = _locate(name, [entry]), _locate(name, others)
            if first and second and not os.path.samefile(first, second):
                yield first, second


def _list_modules(folder: str) -> set[str]:
    """Return the names of the modules and packages that a folder may hold; none if Python cannot list it either."""
    try:
        return {path.name.partition(".")[0] for path in Path(folder).iterdir()}
    except OSError:
        return set()


def _locate(name: str, path: Sequence[str]) -> str | None:
    """Return the file of a module that is found on this path; None if there is none, or a folder without code."""
    found = PathFinder.find_spec(name, path)
    return found.origin if found and found.origin and os.path.exists(found.origin) else None


if __name__ == "__main__":
    try:
        check_folder(os.getcwd())
    except ReproofError as error:
        sys.exit(f"error: {error}")
