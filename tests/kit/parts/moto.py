"""moto's S3, in memory: quick, careless, and unlike Swift in places; a second opinion about object stores."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.kit.parts.process import answers, free_port, program
from tests.kit.parts.stores import S3, create_bucket
from tests.kit.parts.tools import installed


@contextmanager
def moto(folder: Path) -> Iterator[S3]:
    """A moto server with its log in folder, and a new bucket in it."""
    port = free_port()
    binaries = installed("moto") / "bin"
    with program(
        [binaries / "python", binaries / "moto_server", "--host", "127.0.0.1", "--port", str(port)],
        folder / "moto.log",
        ready=lambda: answers(port),
    ):
        store = S3(f"http://127.0.0.1:{port}", "tests", "tests", "secret")
        create_bucket(store)
        yield store
