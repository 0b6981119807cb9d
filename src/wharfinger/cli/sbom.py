"""``wharf sbom``: the bill of materials of an image, printed, or pushed beside it. No server is needed."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from wharfinger.cli import judged, targets
from wharfinger.cli.judged import KnownTarget
from wharfinger.cli.output import print_rows
from wharfinger.cli.references import Image as OwnImage
from wharfinger.cli.targets import PlainHttp, Platform
from wharfinger.errors import RequestInvalid
from wharfinger.spec.digest import encodable

if TYPE_CHECKING:
    from wharfinger.scanning.targets.images import Image
    from wharfinger.scanning.targets.opening import Opened

Format = Literal["cyclonedx", "spdx"]


@dataclass(frozen=True, slots=True)
class Bill:
    """A bill of materials of one image."""

    image: "Image"
    text: str


def sbom(
    target: KnownTarget,
    /,
    *,
    format: Annotated[Format, Parameter(help="CycloneDX 1.6 or SPDX 2.3, both as JSON.")] = "cyclonedx",
    attach: Annotated[
        bool, Parameter(negative="", help="Push it beside the image, as its referrer, for each platform.")
    ] = False,
    read: Annotated[
        bool, Parameter(negative="", help="Read the layers here, also of an image that the registry has scanned.")
    ] = False,
    platform: Platform = None,
    plain_http: PlainHttp = None,
) -> int:
    """Print what is in an image as a bill of materials, or attach it to the image; the same image is the same bytes.

    Exit status: 0 it was made, 2 it could not be.
    """
    meant = judged.meant(target)
    give(meant.text, format, platform, plain_http, attach=attach, known_as=None if read else meant.own)
    return 0


def give(
    target: str,
    format: Format,
    platform: str | None,
    plain_http: list[str] | None,
    *,
    attach: bool,
    known_as: OwnImage | None = None,
) -> None:
    """Print the bill of the one image that is meant, or attach those of all. Raises Refusal."""
    with targets.opened(target, plain_http) as opened:
        images = _images(target, targets.chosen(opened, platform), attach=attach)
        bills = _read(target, opened, images, format) if known_as is None else _asked(known_as, images, format)
    if attach:
        _attach(target, bills, format, plain_http)
    else:
        sys.stdout.write(bills[0].text)


def _images(target: str, images: "Sequence[Image]", *, attach: bool) -> "Sequence[Image]":
    """Those of which there are bills. Raises RequestInvalid where there is none, or one is meant of several."""
    from wharfinger.scanning.targets.images import require_some

    found = [each for each in images if each.layers is not None]
    if not found:
        raise RequestInvalid(f"{target} has no file system, so there is nothing to make a bill of")
    require_some(found)
    if len(found) > 1 and not attach:
        known = ", ".join(each.platform for each in found)
        raise RequestInvalid(f"a bill of materials is of one image: choose with --platform one of {known}")
    return found


def _read(target: str, opened: "Opened", images: "Sequence[Image]", format: Format) -> Sequence[Bill]:
    """The bills of images whose layers are read for it."""
    from wharfinger.scanning import running
    from wharfinger.scanning.sbom.formats import FORMATS
    from wharfinger.scanning.sbom.subject import EPOCH, Subject

    with targets.watching(images) as watch:
        catalogues = running.catalogues(opened, images, watch)
    name = opened.repository or encodable(target)
    return [
        Bill(each, FORMATS[format].text(Subject(name, each.digest, each.platform, catalogue, each.created or EPOCH)))
        for each, catalogue in zip(images, catalogues, strict=True)
    ]


def _asked(known_as: OwnImage, images: "Sequence[Image]", format: Format) -> Sequence[Bill]:
    """The bills of images that their registry has read."""
    from wharfinger.cli.client import logged_in

    with logged_in() as client:
        path = f"/sboms/{known_as.repository}"
        return [Bill(each, client.text(f"{path}/{each.digest}", format=format)) for each in images]


def _attach(target: str, bills: Sequence[Bill], format: Format, plain_http: list[str] | None) -> None:
    """Push the bills as referrers of their images, those that are not there yet, and print their digests."""
    from wharfinger.cli import registries
    from wharfinger.remote import artifacts
    from wharfinger.remote.references import ImageReference
    from wharfinger.scanning.sbom.formats import FORMATS
    from wharfinger.scanning.sbom.subject import EPOCH
    from wharfinger.scanning.targets import naming
    from wharfinger.spec.descriptor import Descriptor

    name = naming.parse(target)
    if not isinstance(name, ImageReference):
        raise RequestInvalid(f"--attach pushes to a registry, and {target} is in none")
    kind = FORMATS[format].media_type
    with registries.pushing(frozenset(plain_http or ())) as (repositories, pusher):
        for each in bills:
            image = each.image
            if image.trouble:
                raise RequestInvalid(f"{image.platform or image.digest}: {image.trouble}")
            subject = Descriptor(image.media_type, image.digest, image.size, {})
            created = image.created or EPOCH
            digest = artifacts.attach(pusher, repositories, name, subject, kind, each.text.encode(), created)
            print_rows(("Platform", "Image", "Bill of materials"), [(image.platform, image.digest, digest)])
