"""The whole of a scan: layers read once each, laid over one another, and judged."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from wharfinger.scanning.cataloguing import LayerCatalogue, LayerSource, catalogue_layers, squash
from wharfinger.scanning.findings import Matched
from wharfinger.scanning.packages import Catalogue, Problem
from wharfinger.scanning.scans import ImageScan
from wharfinger.scanning.targets.bills import Bill
from wharfinger.scanning.targets.images import Image
from wharfinger.scanning.targets.opening import Opened
from wharfinger.spec.digest import Digest

Match = Callable[[Catalogue], Matched]
Watch = Callable[[LayerSource], LayerSource]
"""Lets somebody see how the bytes of a layer come."""


def scan(target: Opened, images: Sequence[Image], match: Match, watch: Watch = lambda layer: layer) -> list[ImageScan]:
    """What is in the images, by their files and the bills attached to them, and what advisories say of it."""
    bills = {image.digest: target.bills(image) for image in images if image.layers}
    found = zip(images, _catalogues(target, images, bills, watch), strict=True)
    return [ImageScan(image.digest, image.platform, catalogue, match(catalogue)) for image, catalogue in found]


def catalogues(target: Opened, images: Sequence[Image], watch: Watch = lambda layer: layer) -> list[Catalogue]:
    """What is in each of the images by their files alone; a layer that several share is read once."""
    return _catalogues(target, images, {}, watch)


Bills = Mapping[Digest, tuple[list[Bill], list[Problem]]]


def _catalogues(target: Opened, images: Sequence[Image], bills: Bills, watch: Watch) -> list[Catalogue]:
    layers = {image.digest: target.layers(image) for image in images if not image.trouble}
    wanted = {layer.digest: watch(layer) for layer in _distinct(layers)}
    wanted |= {bill.layer.digest: bill.layer for found, _ in bills.values() for bill in found}
    read = dict(zip(wanted, catalogue_layers(list(wanted.values())), strict=True))
    made = []
    for image in images:
        catalogue = _unread(image) or squash(tuple(read[layer.digest] for layer in layers[image.digest]))
        found, problems = bills.get(image.digest, ([], []))
        for bill in found:
            catalogue = _with(catalogue, bill, read[bill.layer.digest])
        made.append(replace(catalogue, problems=(*catalogue.problems, *problems)))
    return made


def _distinct(layers: Mapping[Digest, Sequence[LayerSource]]) -> Sequence[LayerSource]:
    return list({layer.digest: layer for each in layers.values() for layer in each}.values())


def _with(catalogue: Catalogue, bill: Bill, read: LayerCatalogue) -> Catalogue:
    """The catalogue with what only the bill knows of; what was found in the image itself is known better from there."""
    known = {(each.type, each.name, each.version) for each in catalogue.packages}
    more = [
        replace(each, layer=bill.artifact, paths=(f"referrer:{bill.artifact}",))
        for each in squash((read,)).packages
        if (each.type, each.name, each.version) not in known
    ]
    problems = [Problem(bill.artifact, each.path, each.reason) for each in read.problems]
    return replace(catalogue, packages=(*catalogue.packages, *more), problems=(*catalogue.problems, *problems))


def _unread(image: Image) -> Catalogue | None:
    """The catalogue of what has no layers to be read."""
    if image.trouble:
        return Catalogue((), problems=(Problem(image.digest, "", image.trouble),))
    return Catalogue((), nothing_to_scan=True) if image.layers is None else None
