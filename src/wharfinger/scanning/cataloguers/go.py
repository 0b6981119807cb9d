"""Go's build information: which modules a program was built of, in both forms that there have been. Pure."""

from collections.abc import Iterator

from wharfinger.scanning.cataloguers.elf import Elf, Segment
from wharfinger.scanning.contents import exactly
from wharfinger.scanning.layers import Found, Statement
from wharfinger.scanning.limits import MIB, Unreadable

_MAGIC = b"\xff Go buildinf:"
_ALIGNED = 16
_HEADER = 32
_LONGEST = 4 * MIB
_INLINE, _BIG_ENDIAN = 2, 1
_FENCE = 16
_STEP = MIB


def modules(program: Elf) -> Iterator[Statement]:
    """The modules, and Go's own library. Nothing where it is no Go program; raises Unreadable where it is broken."""
    told = _told(program)
    if told is not None:
        yield from _modules(*told)


def _told(program: Elf) -> tuple[str, str] | None:
    """The Go version and the text about modules, None where this is no Go program."""
    place = program.sections.find(b".go.buildinfo")
    if place is None:
        place = next((each for each in program.segments if each.writable), None) if not program.sections else None
    at = _find(program, place) if place is not None else None
    if at is None:
        return None
    header = exactly(program.content, at, _HEADER)
    if header[15] & _INLINE:
        version, end = _inline(program, at + _HEADER)
        modules, _ = _inline(program, end)
    else:
        order = ">" if header[15] & _BIG_ENDIAN else "<"
        version, modules = (_pointed(program, header, index, order) for index in (0, 1))
    return version.decode("utf-8", "replace"), _unfenced(modules)


def _find(program: Elf, place: Segment) -> int | None:
    """Where the magic is, at an aligned place of its segment, which may claim to be larger than the file."""
    size = min(place.size, program.content.size - place.start)
    for start in range(0, size, _STEP):
        raw = program.content.at(place.start + start, min(_STEP + _HEADER, size - start))
        at = raw.find(_MAGIC)
        while at >= 0:
            if (start + at) % _ALIGNED == 0:
                return place.start + start + at
            at = raw.find(_MAGIC, at + 1)
    return None


def _inline(program: Elf, at: int) -> tuple[bytes, int]:
    """Since Go 1.18: the text's length, then the text. And where it ends."""
    length = shift = 0
    for byte in program.content.at(at, 10):
        at += 1
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    if length > _LONGEST:
        raise Unreadable("Go's build information is longer than any is")
    return exactly(program.content, at, length), at + length


def _pointed(program: Elf, header: bytes, index: int, order: str) -> bytes:
    """Before Go 1.18: the address of a string, which is the address of its text and its length."""
    size = header[14]
    if size not in (4, 8):
        raise Unreadable("Go's build information has pointers of no known size")
    byteorder = "big" if order == ">" else "little"
    start = 16 + index * size
    address = int.from_bytes(header[start : start + size], byteorder)  # type: ignore[arg-type]
    if not address:
        return b""
    string = program.at_address(address, 2 * size)
    text, length = (int.from_bytes(part, byteorder) for part in (string[:size], string[size:]))  # type: ignore[arg-type]
    if length > _LONGEST:
        raise Unreadable("Go's build information is longer than any is")
    return program.at_address(text, length) if length else b""


def _unfenced(modules: bytes) -> str:
    """The text has sixteen bytes before and after it, by which programs find it."""
    if len(modules) <= 2 * _FENCE or modules[-_FENCE - 1 : -_FENCE] != b"\n":
        return ""
    return modules[_FENCE:-_FENCE].decode("utf-8", "replace")


def _modules(version: str, told: str) -> Iterator[Statement]:
    modules: list[tuple[str, str, bool]] = []
    settings: dict[str, str] = {}
    for line in told.split("\n"):
        word, _, rest = line.partition("\t")
        path, _, rest = rest.partition("\t")
        number = rest.partition("\t")[0]
        if word in ("mod", "dep"):
            modules.append((path, number, word == "mod"))
        elif word == "=>" and modules:  # what stands in for the module above; a folder has no version
            before, _, main = modules.pop()
            modules.append((path, number, main) if number else (before, "(devel)", main))
        elif word == "build":
            key, _, value = path.partition("=")
            settings[key] = value
    where = {key.lower(): settings[key] for key in ("GOOS", "GOARCH") if key in settings}
    if version.startswith("go"):
        yield Found("golang", "stdlib", version[2:].partition(" ")[0], detail=where)
    for path, number, main in modules:
        yield Found("golang", path, number, detail={**where, **({"main": "true"} if main else {})})
