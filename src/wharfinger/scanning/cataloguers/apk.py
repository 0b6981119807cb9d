"""Alpine's packages, and which files each brought. Pure."""

from collections.abc import Iterator

from wharfinger.scanning.cataloguers.kind import Cataloguer
from wharfinger.scanning.contents import File
from wharfinger.scanning.layers import Found, Owned, Statement, hashes
from wharfinger.scanning.limits import MIB
from wharfinger.scanning.packages import Source

_PLACES = frozenset({"lib/apk/db/installed", "usr/lib/apk/db/installed"})


def _installed(file: File) -> Iterator[Statement]:
    for paragraph in file.text(64 * MIB).split("\n\n"):
        says, files = _read(paragraph)
        if not says.get("P") or not says.get("V"):
            continue
        origin = Source(says.get("o") or says["P"], says["V"])
        yield Found("apk", says["P"], says["V"], origin, says.get("A", ""))
        if files:
            yield Owned(says["P"], hashes(files))


def _read(paragraph: str) -> tuple[dict[str, str], list[str]]:
    """The fields of one letter, and the files: each ``F:folder`` is followed by its ``R:name`` lines."""
    says: dict[str, str] = {}
    files, folder = [], ""
    for line in paragraph.split("\n"):
        letter, value = line[:1], line[2:]
        if letter == "F":
            folder = value
        elif letter == "R":
            files.append(f"{folder}/{value}" if folder else value)
        elif letter in ("P", "V", "A", "o"):
            says[letter] = value.strip()
    return says, files


INSTALLED = Cataloguer("apk", _installed, names=frozenset({"installed"}), accepts=_PLACES.__contains__)
