"""Debian's packages: the status file, distroless' folder of such, and which files each package brought. Pure."""

from collections.abc import Iterator, Mapping

from wharfinger.scanning.cataloguers.kind import Cataloguer
from wharfinger.scanning.contents import File
from wharfinger.scanning.layers import Found, Owned, Statement, hashes
from wharfinger.scanning.limits import MIB
from wharfinger.scanning.packages import Source

_FIELDS = ("Package", "Status", "Version", "Architecture", "Source")
_GONE = frozenset({"not-installed", "config-files"})
_LARGEST = 64 * MIB


def _status(file: File) -> Iterator[Statement]:
    for paragraph in file.text(_LARGEST).split("\n\n"):
        if (package := _package(_fields(paragraph))) is not None:
            yield package


def _fields(paragraph: str) -> dict[str, str]:
    says = {}
    for line in paragraph.split("\n"):
        name, colon, value = line.partition(":")
        if colon and name in _FIELDS:
            says[name] = value.strip()
    return says


def _package(says: Mapping[str, str]) -> Found | None:
    """Distroless writes no Status. Elsewhere its last word decides, not what an administrator once wished for."""
    if "Package" not in says or not says.get("Version"):
        return None
    words = says.get("Status", "installed").split()
    if not words or words[-1] in _GONE:
        return None
    name, _, version = says.get("Source", "").partition(" ")
    source = Source(name or says["Package"], version.strip("() ") or says["Version"])
    return Found("deb", says["Package"], says["Version"], source, says.get("Architecture", ""))


def _list(file: File) -> Iterator[Statement]:
    yield Owned(_owner(file.path), hashes(line[1:] for line in file.text(_LARGEST).split("\n") if len(line) > 2))


def _sums(file: File) -> Iterator[Statement]:
    lines = (line.partition("  ")[2] for line in file.text(_LARGEST).split("\n"))
    yield Owned(_owner(file.path), hashes(line for line in lines if line))


def _owner(path: str) -> str:
    """``…/info/libc6:amd64.list`` is of libc6."""
    return path.rpartition("/")[2].rpartition(".")[0].partition(":")[0]


def _is_sums(path: str) -> bool:
    return path.endswith(".md5sums")


def _is_status(path: str) -> bool:
    return not _is_sums(path)


def _is_list(path: str) -> bool:
    return path.startswith("var/lib/dpkg/info/")


STATUS = Cataloguer("dpkg", _status, names=frozenset({"status"}), accepts=lambda path: path == "var/lib/dpkg/status")
LISTS = Cataloguer("dpkg-files", _list, endings=frozenset({".list"}), accepts=_is_list)
_EACH_ITS_OWN = frozenset({"var/lib/dpkg/status.d"})  # as distroless has it
EACH_STATUS = Cataloguer("dpkg", _status, folders=_EACH_ITS_OWN, accepts=_is_status)
EACH_SUMS = Cataloguer("dpkg-files", _sums, folders=_EACH_ITS_OWN, accepts=_is_sums)
