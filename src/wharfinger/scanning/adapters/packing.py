"""How reports are kept in a row: compressed JSON. Pure."""

import json
import zlib
from collections.abc import Mapping
from typing import Any


def packed(fields: Mapping[str, Any]) -> bytes:
    """As it is kept."""
    return zlib.compress(json.dumps(fields).encode())


def unpacked(body: bytes) -> dict[str, Any]:
    """What :func:`packed` made."""
    found: dict[str, Any] = json.loads(zlib.decompress(body))
    return found
