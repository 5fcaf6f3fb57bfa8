"""Import matplotlib before any other module of this package does, and hold its own defaults.

matplotlib reads settings of the user when it is imported. None of them may change a figure: `apply_style` in `style.py`
lays the project's style over these defaults.
"""

from typing import Any

from reproof.storage.errors import ReproofError

try:
    import matplotlib
except (OSError, ValueError) as error:  # wrong lines are skipped; a file that is no text, or no backend, is not
    raise ReproofError(
        f"matplotlib cannot read its settings ({error}); repair or remove what it is about: the variable MPLBACKEND, "
        "or ./matplotlibrc, or the matplotlibrc of MATPLOTLIBRC, of MPLCONFIGDIR or of ~/.config/matplotlib"
    ) from None

# All but the backend: matplotlib would load it, and a figure that is saved to a file uses none.
DEFAULTS: dict[str, Any] = {name: value for name, value in matplotlib.rcParamsDefault.items() if name != "backend"}
