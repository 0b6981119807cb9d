"""The config of an image, as far as rules about images ask for it (image-spec, config.md). Never a reason to refuse.

What a stranger wrote into it may be anything: what cannot be understood is as if it were not there.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

MEDIA_TYPES = frozenset({"application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"})
MAX_BYTES = 1024 * 1024
LABELS_AT_MOST = 64 * 1024
"""Characters of keys and values together; who has more labels has none."""

_WORD = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Config:
    """When the image was built, for what (``os/architecture[/variant]``), and its labels."""

    created: float | None = None
    platform: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


class _Fields(msgspec.Struct):
    created: msgspec.Raw = msgspec.Raw(b"null")
    os: msgspec.Raw = msgspec.Raw(b"null")
    architecture: msgspec.Raw = msgspec.Raw(b"null")
    variant: msgspec.Raw = msgspec.Raw(b"null")
    config: msgspec.Raw = msgspec.Raw(b"null")


class _Inner(msgspec.Struct, rename="pascal"):
    labels: dict[str, str] | None = None


def read(raw: bytes) -> Config:
    """What the bytes of a config say; nothing where they are not one."""
    fields = _decoded(raw, _Fields)
    if fields is None:
        return Config()
    words = [_decoded(part, str) or "" for part in (fields.os, fields.architecture, fields.variant)]
    return Config(_moment(_decoded(fields.created, str) or ""), _platform(*words), _labels(fields.config))


def _decoded(raw: bytes | msgspec.Raw, kind: type[_T]) -> _T | None:
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None


def _moment(text: str) -> float | None:
    """Seconds since the epoch; what is before, as the zero time of Go, was never meant."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    if at.tzinfo is None:
        return None
    seconds = (at - _EPOCH).total_seconds()
    return seconds if seconds >= 0 else None


def _platform(os: str, architecture: str, variant: str) -> str | None:
    words = [os, architecture, *([variant] if variant else [])]
    return "/".join(words) if all(map(_WORD.fullmatch, words)) else None


def _labels(raw: msgspec.Raw) -> Mapping[str, str]:
    inner = _decoded(raw, _Inner)
    found = (inner.labels if inner is not None else None) or {}
    return found if sum(map(len, (*found, *found.values()))) <= LABELS_AT_MOST else {}
