"""Java archives, and those within them: by Maven's properties, else by the manifest and the file's name. Pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from wharfinger.scanning.cataloguers import zips
from wharfinger.scanning.cataloguers.kind import Cataloguer
from wharfinger.scanning.cataloguers.zips import Member
from wharfinger.scanning.contents import Content, File
from wharfinger.scanning.layers import Found, Statement
from wharfinger.scanning.limits import MIB, Unreadable

ENDINGS = frozenset({".jar", ".war", ".ear", ".par", ".sar", ".nar", ".jpi", ".hpi", ".kar"})
_LARGEST_WITHIN = 32 * MIB
_LARGEST_TEXT = MIB
_MOST_UNPACKED = 1024 * MIB
_MANIFEST = "META-INF/MANIFEST.MF"
_MAVEN = re.compile(r"META-INF/maven/([^/]+)/([^/]+)/pom\.(properties|xml)")
_NAMED = re.compile(r"(.+?)-(\d[A-Za-z0-9.+_-]*)")
_VERSIONS = ("Implementation-Version", "Bundle-Version", "Specification-Version")


@dataclass
class _Budget:
    """Of bytes that archives within one file may unpack to together."""

    left: int = _MOST_UNPACKED

    def content(self, archive: Content, member: Member, most: int) -> Content:
        content = zips.content_of(archive, member, most)
        self.left -= content.size
        if self.left < 0:
            raise Unreadable(f"the archives in it are more than {_MOST_UNPACKED} bytes")
        return content


@dataclass
class _Archive:
    """What matters in one archive."""

    name: str
    maven: list[Member] = field(default_factory=list)
    poms: list[tuple[str, str]] = field(default_factory=list)
    manifest: Member | None = None
    within: list[Member] = field(default_factory=list)


def _archive(file: File) -> Iterator[Statement]:
    yield from _look(file.content, file.path, "", file.depth, _Budget())


def _look(content: Content, path: str, inside: str, depth: int, budget: _Budget) -> Iterator[Statement]:
    archive = _sorted(content, path)
    yield from _itself(content, archive, inside, budget)
    if archive.within and depth == 0:
        raise Unreadable("archives within archives that do not end")
    for member in archive.within:
        nested = f"{inside}!{member.name}" if inside else member.name
        yield from _look(budget.content(content, member, _LARGEST_WITHIN), member.name, nested, depth - 1, budget)


def _sorted(content: Content, path: str) -> _Archive:
    archive = _Archive(path.rpartition("/")[2])
    for member in zips.members(content):
        if member.name == _MANIFEST:
            archive.manifest = member
        elif (maven := _MAVEN.fullmatch(member.name)) is not None:
            if maven[3] == "properties":
                archive.maven.append(member)
            else:
                archive.poms.append((maven[1], maven[2]))
        elif member.name[member.name.rfind(".") :].lower() in ENDINGS and not member.name.endswith("/"):
            archive.within.append(member)
    return archive


def _itself(content: Content, archive: _Archive, inside: str, budget: _Budget) -> Iterator[Statement]:
    """What the archive is, and what was merged into it: each of Maven's files tells of one."""
    told = [_coordinates(budget.content(content, member, _LARGEST_TEXT)) for member in archive.maven]
    known = [each for each in told if each is not None]
    for group, artifact, version in known:
        yield Found("maven", f"{group}:{artifact}", version, inside=inside)
    name, version = _by_name(archive.name)
    if any(artifact == name for _, artifact, _ in known) or (known and not version):
        return
    manifest = {} if archive.manifest is None else _manifest(budget.content(content, archive.manifest, _LARGEST_TEXT))
    version = version or next((manifest[each] for each in _VERSIONS if manifest.get(each)), "")
    poms = [pom for pom in archive.poms if pom[1] == name] or (archive.poms if len(archive.poms) == 1 else [])
    if not version or (known and _same(known, version)):
        return
    if poms and not known:
        yield Found("maven", ":".join(poms[0]), version, inside=inside)
    elif name:
        yield Found("maven", name, version, inside=inside, detail={"confidence": "low"})


def _same(known: Sequence[tuple[str, str, str]], version: str) -> bool:
    """A file that was renamed is still the one whose version Maven's only file has."""
    return len(known) == 1 and known[0][2] == version


def _coordinates(content: Content) -> tuple[str, str, str] | None:
    says = {}
    for line in content.at(0, content.size).decode("utf-8", "replace").splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            says[key.strip()] = value.strip()
    group, artifact, version = (says.get(key, "") for key in ("groupId", "artifactId", "version"))
    return (group, artifact, version) if group and artifact and version else None


def _manifest(content: Content) -> dict[str, str]:
    """The main section; a line that begins with a space goes on with the one before."""
    text = content.at(0, content.size).decode("utf-8", "replace").replace("\r\n", "\n").replace("\n ", "")
    pairs = (line.partition(":") for line in text.partition("\n\n")[0].split("\n"))
    return {name.strip(): value.strip() for name, colon, value in pairs if colon}


def _by_name(file: str) -> tuple[str, str]:
    """``commons-text-1.3.jar``: what it is called, and its version where the name has one."""
    stem = file.rpartition(".")[0]
    named = _NAMED.fullmatch(stem)
    return (named[1], named[2]) if named else (stem, "")


JAVA = Cataloguer("java", _archive, endings=ENDINGS)
