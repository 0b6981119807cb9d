"""Where the bytes of layers come from, and whether they are those that the digest promises."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from wharfinger.errors import Refusal
from wharfinger.scanning.limits import MIB, Unreadable
from wharfinger.scanning.packages import Problem

_ALGORITHMS = ("sha256", "sha512")


class Verified(Protocol):
    """Bytes that are verified while they are read. Raises Unreadable where they cannot be had."""

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What was wrong with them; known after they were closed."""

    def read(self, size: int, /) -> bytes:
        """Some bytes, none at the end."""

    def close(self) -> None:
        """Read what nobody wanted to see, for it is verified as well."""


class Source(Protocol):
    """Where a layer's bytes come from. ``digest`` is what it is called in its catalogue."""

    @property
    def digest(self) -> str:
        """Of the layer, as far as it is known."""

    def verified(self) -> Verified:
        """Its bytes from their beginning; it may be asked for more than once."""


@dataclass(frozen=True, slots=True)
class LayerSource:
    """A layer of an image. ``open`` may be called more than once, and what it answers is closed after."""

    digest: str
    media_type: str
    open: Callable[[], BinaryIO]

    def verified(self) -> "Checked":
        """Its bytes from their beginning, compared with the digest. Raises Unreadable."""
        return Checked(self)


class Checked:
    """A layer's bytes, hashed while they are read. Raises Unreadable where they cannot be had.

    After it was closed, ``problems`` says whether they were the right ones.
    """

    def __init__(self, layer: LayerSource) -> None:
        algorithm, _, self._wanted = layer.digest.partition(":")
        if algorithm not in _ALGORITHMS:
            raise Unreadable(f"{algorithm[:20]!r} is no known algorithm of digests")
        if layer.media_type.endswith("+encrypted"):
            raise Unreadable("it is encrypted")
        self._layer, self._hash, self._ended = layer, hashlib.new(algorithm), False
        self.problems: tuple[Problem, ...] = ()
        with unreadable():
            self._stream = layer.open()

    def read(self, size: int = MIB, /) -> bytes:
        """Some bytes, none at the end."""
        self._ended = True  # also where the next line raises: then there is nothing to compare
        with unreadable():
            raw = self._stream.read(size)
        self._ended = not raw
        self._hash.update(raw)
        return raw

    def close(self) -> None:
        """Read what nobody wanted to see, for the digest is of all."""
        if not self._ended:
            while self.read():
                pass
        if self._hash.hexdigest() != self._wanted:
            self.problems = (Problem(self._layer.digest, "", "these bytes are not those that the digest stands for"),)
        with unreadable():
            self._stream.close()


@contextmanager
def unreadable() -> Iterator[None]:
    """Stores, other registries and disks fail in their own ways; to whoever reads it is one."""
    try:
        yield
    except Refusal as error:
        raise Unreadable(f"its bytes cannot be had: {error.message}") from error
    except OSError as error:
        raise Unreadable(f"its bytes cannot be had: {error.strerror or type(error).__name__}") from error
