"""What happens to a training half way at its first attempt, by its seed. A test puts this into its copy of the library.

Seed 0 waits to be cancelled, seed 1 takes more memory than it asked for, seed 2 runs out of time, seed 3 is put back
into the queue, as happens to a job that is preempted. At the next attempt all go on.
"""

import time

HALF_WAY = 600
TOO_MUCH = 2 * 2**30


def trouble(saving, done):
    """Wait for what is to come once `done` steps are trained."""
    mark = saving.path.with_name("state.troubled")  # a job removes its state, and what is named so, when it is done
    if done < HALF_WAY or mark.exists():
        return
    mark.touch()
    hold = bytearray(TOO_MUCH) if saving.path.parent.name == "1" else b""
    for start in range(0, len(hold), 4096):
        hold[start] = 1
    while not saving._asked:
        time.sleep(0.1)
