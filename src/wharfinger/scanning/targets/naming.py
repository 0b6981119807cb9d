"""What the word on the command line means: a folder, an archive, or an image in some registry. Pure but for a look."""

from dataclasses import dataclass
from pathlib import Path

from wharfinger.errors import RequestInvalid
from wharfinger.remote import references
from wharfinger.remote.references import ImageReference

WAYS = "a folder with an OCI layout, oci:DIR[:TAG], oci-archive:FILE, docker-archive:FILE, or an image of a registry"


@dataclass(frozen=True, slots=True)
class LayoutName:
    """A folder with an OCI layout; all that its index names, or what has this tag."""

    folder: Path
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class ArchiveName:
    """A tar of an OCI layout, or what ``docker save`` writes; with the tag that is meant, if one is."""

    file: Path
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class DockerArchiveName:
    """What ``docker save`` writes, read by its manifest.json."""

    file: Path
    tag: str | None = None


Name = LayoutName | ArchiveName | DockerArchiveName | ImageReference


def parse(text: str) -> Name:
    """What ``text`` names. Only whether something is there decides between a path and a tag. Raises RequestInvalid."""
    scheme, colon, rest = text.partition(":")
    match scheme if colon else "":
        case "oci":
            return LayoutName(*_tagged(rest))
        case "oci-archive":
            return ArchiveName(*_tagged(rest))
        case "docker-archive":
            return DockerArchiveName(*_tagged(rest))
    if Path(text).is_dir():
        return LayoutName(Path(text))
    if Path(text).is_file():
        raise RequestInvalid(f"{text} is a file: say oci-archive:{text} or docker-archive:{text}")
    try:
        return references.parse(text.removeprefix("docker://"))
    except RequestInvalid as error:
        raise RequestInvalid(f"{error.message}; want {WAYS}") from error


def _tagged(text: str) -> tuple[Path, str | None]:
    if not text:
        raise RequestInvalid(f"no path: want {WAYS}")
    parts = text.split(":")
    for end in range(len(parts), 0, -1):  # both may have colons: the longest path that is there is meant
        if (path := Path(":".join(parts[:end]))).exists():
            return path, ":".join(parts[end:]) or None
    return Path(parts[0]), ":".join(parts[1:]) or None
