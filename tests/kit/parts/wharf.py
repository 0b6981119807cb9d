"""Our own server, as an operator starts it."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.kit.parts.process import answers, free_port, program


@contextmanager
def wharf(folder: Path, *, password: str, environment: Mapping[str, str] | None = None) -> Iterator[str]:
    """`wharf serve` with its data in folder and the account `admin`, and its host:port."""
    port = free_port()
    data = folder / "wharf"
    data.mkdir()
    with program(
        [Path(sys.prefix, "bin", "wharf"), "serve", "--data", data, "--listen", f"127.0.0.1:{port}"],
        folder / "wharf.log",
        ready=lambda: answers(port, "/healthz"),
        env={"WHARF_ADMIN_PASSWORD": password, **(environment or {})},
    ):
        yield f"127.0.0.1:{port}"
