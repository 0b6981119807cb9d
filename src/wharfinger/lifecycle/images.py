"""Images as rules see them: what is known of each, as plain values. Read from JSON where there is no server."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from msgspec import Struct, field

from wharfinger.errors import RequestInvalid
from wharfinger.lifecycle import units

NAME_AT_MOST = 255
REQUIRED = ("id", "tags", "pushed")
SEVERITIES = ("critical", "high", "medium", "low", "none")
OURS = "wharfinger"
"""The scanner that is built in."""
SCANNER = "[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?"
Found = str | Mapping[str, str]
"""A severity by the scanner that is built in, or by each that has looked."""
NOTHING: Mapping[str, str] = MappingProxyType({})
"""No labels and no annotations: one for all, for there may be a million images."""


def _nothing() -> Mapping[str, str]:
    return NOTHING


def by_scanner(found: Found) -> Mapping[str, str]:
    """The same by each."""
    return {OURS: found} if isinstance(found, str) else found


class TagOf(Struct, frozen=True, gc=False):
    """A tag of an image: since when it names the image, and whether it may not be removed."""

    name: str
    pushed: int
    protected: bool = False


class Image(Struct, frozen=True, gc=False):
    """One image, index or artifact of a repository. Times are microseconds since the epoch: see ``units``.

    ``pushed`` is the last PUT of the manifest. ``platform`` is written ``os/architecture[/variant]``. ``severity`` is
    the worst that scanning found, one of :data:`SEVERITIES`, or by scanner; None where that is not known.
    A ``Struct``, because there may be a million: it is made in a tenth of the time that a dataclass takes.
    """

    id: str
    pushed: int
    tags: tuple[TagOf, ...] = ()
    repository: str | None = None
    pulled: int | None = None
    created: int | None = None
    untagged_since: int | None = None
    size: int | None = None
    labels: Mapping[str, str] = field(default_factory=_nothing)
    annotations: Mapping[str, str] = field(default_factory=_nothing)
    platform: str | None = None
    artifact_type: str | None = None
    children: tuple[str, ...] = ()
    subject: str | None = None
    held_until: int | None = None
    in_use: bool = False
    severity: Found | None = None
    fixable_severity: Found | None = None


def parse(data: object) -> list[Image]:
    """The images of a JSON array. Raises RequestInvalid, which names the index and the key of what is wrong."""
    if not isinstance(data, list):
        raise RequestInvalid("want a JSON array of images")
    found = [_image(item, f"[{i}]") for i, item in enumerate(data)]
    seen: set[tuple[str | None, str]] = set()
    for i, image in enumerate(found):
        key = (image.repository, image.id)
        if key in seen:
            raise RequestInvalid(f"[{i}].id: {image.id[:80]!r} is there twice in one repository")
        seen.add(key)
    return found


def _image(data: object, path: str) -> Image:
    if not isinstance(data, dict):
        raise RequestInvalid(f"{path}: want an object")
    for key in REQUIRED:
        if data.get(key) is None:
            raise RequestInvalid(f"{path}.{key} is missing")
    given = {}
    for key, value in data.items():
        if key not in KEYS:
            raise RequestInvalid(f"{path}: unknown key {str(key)[:60]!r}: known are {', '.join(KEYS)}")
        if value is not None and key != "tags":
            given[key] = _FIELDS[key](value, f"{path}.{key}")
    return Image(tags=_tags(data["tags"], f"{path}.tags", given["pushed"]), **given)


def _tags(value: object, path: str, pushed: int) -> tuple[TagOf, ...]:
    if not isinstance(value, list):
        raise RequestInvalid(f"{path}: want a list")
    found: dict[str, TagOf] = {}
    for i, item in enumerate(value):
        tag = _tag(item, f"{path}[{i}]", pushed)
        if found.setdefault(tag.name, tag) != tag:
            raise RequestInvalid(f"{path}[{i}]: {tag.name[:80]!r} is there twice, differently")
    return tuple(found.values())


def _tag(value: object, path: str, pushed: int) -> TagOf:
    if isinstance(value, str):
        return TagOf(_name(value, path), pushed)
    if not isinstance(value, dict) or "name" not in value:
        raise RequestInvalid(f"{path}: want a name, or an object with a name")
    for key in value:
        if key not in {"name", "pushed", "protected"}:
            raise RequestInvalid(f"{path}: unknown key {str(key)[:60]!r}: known are name, pushed, protected")
    at, protected = value.get("pushed"), value.get("protected")
    return TagOf(
        _name(value["name"], f"{path}.name"),
        pushed if at is None else _moment(at, f"{path}.pushed"),
        protected is not None and _flag(protected, f"{path}.protected"),
    )


def _text(value: object, path: str) -> str:
    if not isinstance(value, str) or (_LONE.search(value)):
        raise RequestInvalid(f"{path}: want text")
    return value


_LONE = re.compile("[\ud800-\udfff]")


def _name(value: object, path: str) -> str:
    text = _text(value, path)
    if not 0 < len(text) <= NAME_AT_MOST:
        raise RequestInvalid(f"{path}: want 1 to {NAME_AT_MOST} characters")
    return text


def _moment(value: object, path: str) -> int:
    text = _text(value, path)
    try:
        return units.moment(text)
    except RequestInvalid as refused:
        raise RequestInvalid(f"{path}: {refused.message}") from refused


def _flag(value: object, path: str) -> bool:
    if not isinstance(value, bool):
        raise RequestInvalid(f"{path}: want true or false")
    return value


def _severity(value: object, path: str) -> Found:
    if isinstance(value, dict) and value:
        for name in value:
            if not isinstance(name, str) or re.fullmatch(SCANNER, name, re.ASCII) is None:
                raise RequestInvalid(f"{path}: want names of scanners, and of each the severity")
        return {name: _level(each, f"{path}.{name}") for name, each in value.items()}
    return _level(value, path)


def _level(value: object, path: str) -> str:
    if value not in SEVERITIES:
        raise RequestInvalid(f"{path}: want one of {', '.join(SEVERITIES)}")
    return str(value)


def _size(value: object, path: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise RequestInvalid(f"{path}: want a number of bytes")
    return value


def _texts(value: object, path: str) -> Mapping[str, str]:
    if not isinstance(value, dict):
        raise RequestInvalid(f"{path}: want an object")
    return {_text(key, path): _text(each, f"{path}.{key}") for key, each in value.items()}


def _names(value: object, path: str) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise RequestInvalid(f"{path}: want a list")
    return tuple(_name(each, f"{path}[{i}]") for i, each in enumerate(value))


_FIELDS: Mapping[str, Callable[[Any, str], Any]] = {
    "id": _name,
    "pushed": _moment,
    "repository": _name,
    "pulled": _moment,
    "created": _moment,
    "untagged_since": _moment,
    "size": _size,
    "labels": _texts,
    "annotations": _texts,
    "platform": _text,
    "artifact_type": _text,
    "children": _names,
    "subject": _name,
    "held_until": _moment,
    "in_use": _flag,
    "severity": _severity,
    "fixable_severity": _severity,
}
"""Every key of an image but ``tags``, and what reads it."""
KEYS = ("id", "tags", *list(_FIELDS)[1:])


def by_repository(images: Sequence[Image]) -> Iterator[tuple[str | None, list[int]]]:
    """(repository, the indexes of its images), in the order in which repositories first appear."""
    found: dict[str | None, list[int]] = {}
    for i, image in enumerate(images):
        found.setdefault(image.repository, []).append(i)
    yield from found.items()
