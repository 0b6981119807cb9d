"""What a manifest needs, as those want it who look at a million of them.

From bytes that :mod:`manifest` has taken before, and packed: of each blob a key and its size, in a sixth of the bytes.
"""

import struct
from collections.abc import Iterator, Mapping
from typing import TypeAlias

import msgspec
from msgspec import Struct

from wharfinger.spec.media_types import INDEXES, MANIFESTS


class _Blob(Struct, gc=False):
    digest: str
    size: int


class _Entry(Struct, gc=False, rename="camel"):
    digest: str
    size: int
    media_type: str


class _Stored(Struct, gc=False):
    config: _Blob | None = None
    layers: list[_Blob] | None = None
    manifests: list[_Entry] | None = None


_decode = msgspec.json.Decoder(_Stored).decode
_OTHERS = MANIFESTS | INDEXES


def blobs(raw: bytes) -> dict[str, int] | None:
    """The digests of its blobs and their sizes as it says them; None where these are not bytes that are taken now."""
    try:
        stored = _decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    found = {each.digest: each.size for each in stored.layers} if stored.layers else {}
    if stored.config is not None:
        found[stored.config.digest] = stored.config.size
    if stored.manifests:
        found |= {each.digest: each.size for each in stored.manifests if each.media_type not in _OTHERS}
    return found


Packed: TypeAlias = bytes
"""Blobs and their sizes: see :func:`pack`."""
Key: TypeAlias = bytes
"""What stands for a digest: sixteen bytes of it, so many that nobody finds two blobs that have them in common."""

_ENTRY = struct.Struct(">16sQ")
_HEX = slice(7, 7 + 2 * 16)
"""Where a digest has its key: after ``sha256:`` or ``sha512:``."""


def key(digest: str) -> Key:
    """The key of a digest. Raises ValueError where it is none."""
    return bytes.fromhex(digest[_HEX])


def pack(blobs: Mapping[str, int]) -> Packed:
    """The blobs with their sizes, packed. Raises ValueError where one has no digest, or no size."""
    whole = bytes.fromhex("".join([f"{digest[_HEX]}{size:016x}" for digest, size in blobs.items()]))
    if len(whole) != len(blobs) * _ENTRY.size:
        raise ValueError("not what it takes for each")
    return whole


def packed(raw: bytes) -> Packed | None:
    """What :func:`blobs` says of these bytes; None also where what they name is no digest, or has no size."""
    found = blobs(raw)
    try:
        return None if found is None else pack(found)
    except ValueError:
        return None


def unpack(packed: Packed) -> Iterator[tuple[Key, int]]:
    """(key, size) of each blob."""
    return _ENTRY.iter_unpack(packed)
