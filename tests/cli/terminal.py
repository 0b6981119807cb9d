"""Somebody at a terminal."""

import os
import pty
import select
import sys
import time
from collections.abc import Sequence
from pathlib import Path

WHARF = str(Path(sys.prefix, "bin", "wharf"))


def at_a_terminal(
    words: Sequence[str], answers: Sequence[tuple[str, str]] = (), seconds: float = 60
) -> tuple[int, str]:
    """Run ``wharf`` on a terminal, type each answer once its question is there; the exit status, and the screen."""
    process, terminal = pty.fork()
    if process == 0:
        os.execv(WHARF, [WHARF, *words])
    screen, left, deadline = "", list(answers), time.monotonic() + seconds
    while time.monotonic() < deadline:
        if left and left[0][0] in screen:
            os.write(terminal, f"{left.pop(0)[1]}\n".encode())
        if not select.select([terminal], [], [], 0.05)[0]:
            continue
        try:
            screen += os.read(terminal, 65536).decode()
        except OSError:  # the last one who held the other end is gone
            break
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), screen
