"""Where a layer of an image comes from: the command that made it, and whether it is the base image's. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Base:
    """What an image was built upon, and how many of its layers, from the lowest, are that one's.

    ``layers`` is None where that cannot be known, and ``reason`` says why.
    """

    name: str = ""
    digest: str = ""
    layers: int | None = None
    reason: str = ""

    @property
    def words(self) -> str:
        """The base for people."""
        return self.name or self.digest or "a base image"


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer: which one from the lowest, of how many. ``command`` and ``is_base`` are None where nothing tells."""

    digest: str
    number: int | None = None
    of: int = 0
    command: str | None = None
    is_base: bool | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """The layers of an image, the lowest first, and the commands that made them, as its configuration tells."""

    layers: Sequence[str] = ()
    history: Sequence[str] = ()
    base: Base = Base(reason="its manifest was not seen")

    def layer(self, digest: str) -> Layer:
        """What is known of the layer. A history of another length than the image is no help: nothing is guessed."""
        if digest not in self.layers:
            return Layer(digest)
        index = self.layers.index(digest)
        told = self.history[index] if len(self.history) == len(self.layers) else ""
        is_base = None if self.base.layers is None else index < self.base.layers
        return Layer(digest, index + 1, len(self.layers), told or None, is_base)
