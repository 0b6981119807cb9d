"""Scanning for the commands: a target opened, its images chosen and read with a bar that grows, and judged."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, cast

from cyclopts import Parameter

from wharfinger.errors import RequestInvalid
from wharfinger.spec.digest import encodable

if TYPE_CHECKING:  # the command line starts without what only scanning needs
    from wharfinger.scanning.cataloguing import LayerSource
    from wharfinger.scanning.findings import Severity
    from wharfinger.scanning.running import Watch
    from wharfinger.scanning.scans import Scan
    from wharfinger.scanning.targets.images import Image
    from wharfinger.scanning.targets.opening import Opened

Target = Annotated[
    str,
    Parameter(
        help="A folder with an OCI layout, oci:DIR[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:TAG], or an"
        " image of any registry."
    ),
]
AdvisoriesAt = Annotated[
    Path | None,
    Parameter(
        help="A database of advisories, or what one is made of: files, a folder. Else those of wharf advisories."
    ),
]
Platform = Annotated[str | None, Parameter(help="Only the image for this platform, like linux/amd64.")]
PlainHttp = Annotated[
    list[str] | None, Parameter(negative="", help="Ask this HOST or HOST:PORT without TLS, and show it no password.")
]


@contextmanager
def opened(target: str, plain_http: list[str] | None) -> "Iterator[Opened]":
    """What the word on the command line stands for. A registry is asked only where it is one's image."""
    from wharfinger.cli import registries
    from wharfinger.scanning.targets import naming, opening

    plain = frozenset(plain_http or ())
    with opening.opened(naming.parse(target), lambda: registries.repositories(plain)) as found:
        yield found


def chosen(target: "Opened", platform: str | None) -> "Sequence[Image]":
    """The images of a platform, or all. Raises RequestInvalid where there is none."""
    from wharfinger.scanning.targets.images import is_for

    images = [each for each in target.images if is_for(each.platform, platform)]
    if not images:
        known = ", ".join(each.platform or "one that says none" for each in target.images)
        if not known:
            raise RequestInvalid("it is an index without images")
        raise RequestInvalid(f"there is no image for {platform}; there are: {known}")
    return images


def scanned(
    target: str,
    advisories: Path | None,
    *,
    today: date,
    platform: str | None,
    plain_http: list[str] | None,
    unknown_as: "Severity",
) -> "tuple[Scan, Opened]":
    """A target, read and judged. Raises Refusal where nothing of it could be read."""
    from wharfinger.scanning import matching, running
    from wharfinger.scanning.advisories.opening import open_advisories
    from wharfinger.scanning.scans import Scan
    from wharfinger.scanning.targets.images import require_some

    with _waiting("Reading advisories"):
        known = open_advisories(advisories or _kept())
    with closing(known), opened(target, plain_http) as found:
        images = chosen(found, platform)
        require_some(images)
        judge = partial(matching.match, advisories=known, today=today, unknown_as=unknown_as)
        with watching(images) as watch:
            scans = running.scan(found, images, judge, watch)
        return Scan(encodable(target), known.sha256, known.sources, scans), found


def _kept() -> Path:
    """The database of wharf advisories. Raises RequestInvalid where there is none yet."""
    from wharfinger.cli import advisories

    path = advisories.place(None)
    if not path.exists():
        raise RequestInvalid(
            "there are no advisories yet: run 'wharf advisories update' or 'import', or say --advisories"
        )
    return path


@contextmanager
def watching(images: "Sequence[Image]") -> "Iterator[Watch]":
    """A bar on the terminal that grows with the bytes of the layers; elsewhere nothing."""
    if not sys.stderr.isatty():
        yield lambda layer: layer
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

    sizes = {each.digest: each.size for image in images for each in image.layers or ()}
    columns = (TextColumn("Reading layers"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=sum(sizes.values()))
        yield lambda layer: replace(layer, open=_counting(layer, lambda size: progress.advance(task, size)))


def _counting(layer: "LayerSource", count: Callable[[int], None]) -> Callable[[], BinaryIO]:
    return lambda: cast("BinaryIO", _Counted(layer.open(), count))


class _Counted:
    """Bytes that are counted while they are read."""

    def __init__(self, stream: BinaryIO, count: Callable[[int], None]) -> None:
        self._stream, self._count = stream, count

    def read(self, size: int = 1024 * 1024, /) -> bytes:
        raw = self._stream.read(size)
        self._count(len(raw))
        return raw

    def close(self) -> None:
        self._stream.close()


@contextmanager
def _waiting(what: str) -> Iterator[None]:
    """Words and a sign of life on the terminal; elsewhere nothing."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(what):
        yield
