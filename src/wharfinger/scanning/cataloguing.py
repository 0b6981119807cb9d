"""What is in an image: read its layers, each once, in a process without rights, and lay them one over the other."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from wharfinger.scanning.layers import CATALOGUER, LayerCatalogue
from wharfinger.scanning.limits import Limits, Unreadable
from wharfinger.scanning.packages import Catalogue
from wharfinger.scanning.reading import read_layer
from wharfinger.scanning.spools import Spools
from wharfinger.scanning.squashing import squash

__all__ = [
    "CATALOGUER",
    "LayerCatalogue",
    "LayerSource",
    "Limits",
    "Unreadable",
    "catalogue_image",
    "catalogue_layer",
    "catalogue_layers",
    "squash",
]


@dataclass(frozen=True, slots=True)
class LayerSource:
    """A layer of an image. ``open`` may be called more than once, and what it answers is closed after."""

    digest: str
    media_type: str
    open: Callable[[], BinaryIO]


def catalogue_layer(layer: LayerSource, limits: Limits | None = None) -> LayerCatalogue:
    """What the layer says, read in this process. What cannot be read is among its problems."""
    spools = Spools()
    try:
        with layer.open() as stream:
            return read_layer(layer.digest, stream, limits or Limits(), spools)
    finally:
        spools.close()


def catalogue_layers(layers: Sequence[LayerSource], *, limits: Limits | None = None) -> Iterator[LayerCatalogue]:
    """What each layer says, one after the other: to be kept by the layer's digest and ``CATALOGUER``."""
    for layer in layers:
        yield catalogue_layer(layer, limits)


def catalogue_image(layers: Sequence[LayerSource], *, limits: Limits | None = None) -> Catalogue:
    """All that is in an image of these layers, the lowest first."""
    return squash(tuple(catalogue_layers(layers, limits=limits)))
