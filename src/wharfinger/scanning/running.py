"""The whole of a scan: layers read once each, laid over one another, and judged."""

from collections.abc import Callable, Sequence

from wharfinger.scanning.cataloguing import LayerSource, catalogue_layers, squash
from wharfinger.scanning.findings import Matched
from wharfinger.scanning.packages import Catalogue, Problem
from wharfinger.scanning.scans import ImageScan
from wharfinger.scanning.targets.images import Image
from wharfinger.scanning.targets.opening import Opened

Match = Callable[[Catalogue], Matched]
Watch = Callable[[LayerSource], LayerSource]
"""Lets somebody see how the bytes of a layer come."""


def scan(target: Opened, images: Sequence[Image], match: Match, watch: Watch = lambda layer: layer) -> list[ImageScan]:
    """What is in the images, and what advisories say of it."""
    found = zip(images, catalogues(target, images, watch), strict=True)
    return [ImageScan(image.digest, image.platform, catalogue, match(catalogue)) for image, catalogue in found]


def catalogues(target: Opened, images: Sequence[Image], watch: Watch = lambda layer: layer) -> list[Catalogue]:
    """What is in each of the images; a layer that several share is read once."""
    layers = {image.digest: target.layers(image) for image in images if not image.trouble}
    wanted = {layer.digest: layer for each in layers.values() for layer in each}
    read = dict(zip(wanted, catalogue_layers([watch(layer) for layer in wanted.values()]), strict=True))
    return [_unread(image) or squash(tuple(read[layer.digest] for layer in layers[image.digest])) for image in images]


def _unread(image: Image) -> Catalogue | None:
    """The catalogue of what has no layers to be read."""
    if image.trouble:
        return Catalogue((), problems=(Problem(image.digest, "", image.trouble),))
    return Catalogue((), nothing_to_scan=True) if image.layers is None else None
