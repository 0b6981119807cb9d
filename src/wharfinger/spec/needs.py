"""What a manifest needs, read from bytes that :mod:`manifest` has taken before: for who reads a million of them."""

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
