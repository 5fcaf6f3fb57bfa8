"""How the commands of this folder begin and end: arguments counted, and each error as one line."""

import os
import sys
from collections.abc import Callable

from reproof.storage.files import ReproofError

INTERRUPTED = 130  # the exit code of a program that ends by Ctrl-C


def run_command(main: Callable[..., None], usage: str) -> None:
    """Call `main` with the arguments of the command line; end the program with one line if it cannot.

    `usage` shows how the command is typed: NAME is an argument, [NAME ...] any number of them at the end.
    """
    given = sys.argv[1:]
    words = usage.split("[")[0].split()
    needed = [word for word in words if word.isupper()]
    if len(given) < len(needed) or (len(given) > len(needed) and "..." not in usage):
        sys.exit(f"error: {len(given) or 'no'} argument{'' if len(given) < 2 else 's'} given; type: {usage}")
    try:
        main(*given)
        sys.stdout.flush()
    except ReproofError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # nobody reads on, as after `| head`; Python's own last flush would complain again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
