"""What PostgreSQL's own processes take of the processor, where it runs on this machine."""

import os
from pathlib import Path

from sqlalchemy import text

from wharfinger.meta.db import Database

_TICKS = os.sysconf("SC_CLK_TCK")


class Backends:
    """All processes of one server, those that have ended too."""

    def __init__(self, db: Database) -> None:
        self._server: int | None = None
        if db.engine.dialect.name == "postgresql":
            with db.engine.connect() as tx:
                self._server = _parent(tx.execute(text("SELECT pg_backend_pid()")).scalar_one())

    def seconds(self) -> float:
        """Of the processor, since the server began; 0 on SQLite, which has no processes."""
        if self._server is None:
            return 0.0
        ended = _times(self._server)[2:4]
        children = (int(pid) for pid in Path(f"/proc/{self._server}/task/{self._server}/children").read_text().split())
        return (sum(ended) + sum(sum(_times(pid)[:2]) for pid in children)) / _TICKS


def _parent(pid: int) -> int:
    return int(_fields(pid)[1])


def _times(pid: int) -> list[int]:
    """Ticks in the process and in the kernel for it, and the same of its children that have ended."""
    return [int(field) for field in _fields(pid)[11:15]]


def _fields(pid: int) -> list[str]:
    """Those of ``/proc/PID/stat`` after the name, the state first."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
