"""Content digests: ``algorithm:encoded`` (image-spec, descriptor.md, "Digests")."""

import hashlib
import re
from typing import NewType, Protocol

from wharfinger.errors import DigestInvalid

Digest = NewType("Digest", str)
"""``sha256:<64 hex>`` or ``sha512:<128 hex>``, lower case; made only by :func:`parse` and :func:`of`."""

ALGORITHMS = {"sha256": 64, "sha512": 128}
CANONICAL = "sha256"

_DIGEST = re.compile(r"(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})", re.ASCII)


class Hasher(Protocol):
    """What ``hashlib`` hands out."""

    def update(self, data: bytes, /) -> None: ...
    def hexdigest(self) -> str: ...


def parse(text: str) -> Digest:
    """The digest that ``text`` is. Raises DigestInvalid when malformed or of an algorithm that is not registered."""
    if _DIGEST.fullmatch(text):
        return Digest(text)
    raise DigestInvalid(
        f"invalid digest {text[:160]!r}: want sha256:<64 lower-case hex digits> or sha512:<128>",
        digest=encodable(text[:160]),
    )


def encodable(text: str) -> str:
    """``text`` for the detail of a refusal: half a surrogate pair, which no UTF-8 body can carry, becomes ``?``."""
    return text.encode("utf-8", "replace").decode("utf-8")


def is_digest(text: str) -> bool:
    """Whether ``text`` would parse."""
    return _DIGEST.fullmatch(text) is not None


def algorithm(digest: Digest) -> str:
    """``sha256`` or ``sha512``."""
    return digest.partition(":")[0]


def encoded(digest: Digest) -> str:
    """The hexadecimal part."""
    return digest.partition(":")[2]


def parse_algorithm(text: str) -> str:
    """A supported algorithm's name. Raises DigestInvalid otherwise."""
    if text in ALGORITHMS:
        return text
    raise DigestInvalid(f"unsupported digest algorithm {text[:40]!r}: use one of {', '.join(ALGORITHMS)}")


def hasher(name: str) -> Hasher:
    """A fresh hash state for a supported algorithm."""
    return hashlib.new(name, usedforsecurity=True)


def finished(name: str, state: Hasher) -> Digest:
    """The digest of what ``state`` has seen."""
    return Digest(f"{name}:{state.hexdigest()}")


def of(data: bytes, name: str = CANONICAL) -> Digest:
    """The digest of ``data``."""
    state = hasher(name)
    state.update(data)
    return finished(name, state)


def referrers_tag(subject: Digest) -> str:
    """The fallback tag under which clients without the referrers API keep them (spec.md, "Referrers Tag Schema")."""
    return f"{algorithm(subject)}-{encoded(subject)[:64]}"
