"""What a gate goes by that lies in files: VEX statements, and exceptions as a registry exports them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from wharfinger.errors import Refusal, RequestInvalid

if TYPE_CHECKING:
    from wharfinger.scanning.scans import Scan
    from wharfinger.scanning.targets.opening import Opened
    from wharfinger.scanning.vex.statements import Statement

Vex = Annotated[list[Path] | None, Parameter(negative="", help="OpenVEX, CSAF or CycloneDX statements.")]
ExceptionsAt = Annotated[
    list[Path] | None, Parameter(negative="", help="Exceptions as wharf exception list --json prints them; also YAML.")
]
Repository = Annotated[
    str | None,
    Parameter(
        help="The repository that it is going to, for exceptions and for VEX statements about an image of a name."
    ),
]


@dataclass(frozen=True, slots=True)
class Files:
    """What was named on the command line, and the repository that the image is going to, if that was said."""

    vex: Sequence[Path]
    exceptions: Sequence[Path]
    repository: str | None

    @property
    def options(self) -> Sequence[str]:
        """Those that were given, by the names of their options."""
        given = {"--vex": self.vex, "--exceptions": self.exceptions, "--repository": self.repository}
        return [name for name, value in given.items() if value]

    def statements(self) -> "Sequence[Statement]":
        """All VEX statements. Raises Refusal."""
        return [statement for path in self.vex for statement in statements_of(path)]

    def excepted(self, scan: "Scan", opened: "Opened", now: datetime) -> "Scan":
        """The scan, with what the exceptions excuse where the image is going to. Raises Refusal."""
        if not self.exceptions:
            return scan
        return _excepted(scan, self.exceptions, self.repository or opened.repository, opened.roots, now)


def _excepted(scan: "Scan", paths: Sequence[Path], repository: str, roots: Collection[str], now: datetime) -> "Scan":
    """The scan, with what the exceptions of these files excuse in this repository."""
    from wharfinger.scanning import excusing
    from wharfinger.scanning.excuses import Excuses
    from wharfinger.scanning.gate import exceptions_file

    if not repository:
        raise RequestInvalid("exceptions are about repositories: say with --repository which one the image is going to")
    found = [
        each for path in paths for each in exceptions_file.parse(_bytes(path, exceptions_file.BYTES_AT_MOST), str(path))
    ]
    excuses = Excuses(tuple(found), roots=frozenset(roots))
    images = [excusing.excepted(each, repository, excuses, now.timestamp()) for each in scan.images]
    return replace(scan, images=images)


def statements_of(path: Path) -> "Sequence[Statement]":
    """The VEX statements of a file. Raises Refusal."""
    from wharfinger.scanning.vex import reading

    return reading.parse(_bytes(path, reading.BYTES_AT_MOST), str(path))


def _bytes(path: Path, most: int) -> bytes:
    """The file, or one byte more of it than is read."""
    try:
        with path.open("rb") as file:
            return file.read(most + 1)
    except OSError as error:
        raise Refusal(f"{path}: cannot read it: {error.strerror}") from error
