"""What is in an image: read its layers, each once, in a process without rights, and lay them one over the other."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from wharfinger.scanning.confining import Reader
from wharfinger.scanning.layers import CATALOGUER, LayerCatalogue
from wharfinger.scanning.limits import Limits, Unreadable
from wharfinger.scanning.packages import Catalogue
from wharfinger.scanning.reading import read_layer
from wharfinger.scanning.sources import Checked, LayerSource
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


def catalogue_image(layers: Sequence[LayerSource], *, limits: Limits | None = None, isolated: bool = True) -> Catalogue:
    """All that is in an image of these layers, the lowest first."""
    return squash(tuple(catalogue_layers(layers, limits=limits, isolated=isolated)))


def catalogue_layers(
    layers: Sequence[LayerSource], *, limits: Limits | None = None, isolated: bool = True
) -> Iterator[LayerCatalogue]:
    """What each layer says, one after the other: to be kept by the layer's digest and ``CATALOGUER``."""
    if not isolated:
        yield from (catalogue_layer(layer, limits) for layer in layers)
        return
    with Reader(limits or Limits()) as reader:
        yield from (reader.read(layer) for layer in layers)


def catalogue_layer(layer: LayerSource, limits: Limits | None = None) -> LayerCatalogue:
    """What the layer says, read in this process: for tests and measuring. What cannot be read is in its problems."""
    opened: list[Checked] = []

    def again() -> Checked:
        opened.append(Checked(layer))
        return opened[-1]

    spools = Spools()
    try:
        catalogue = read_layer(layer.digest, again, limits or Limits(), spools)
    finally:
        spools.close()
    problems = dict.fromkeys(problem for each in opened for problem in each.problems)
    return replace(catalogue, isolation="none").with_problems(*problems)
