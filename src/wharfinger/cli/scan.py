"""``wharf scan``: what is in an image, and what is known to be wrong with it. No server is needed."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from wharfinger.cli import targets
from wharfinger.cli.output import print_rows
from wharfinger.cli.targets import AdvisoriesAt, PlainHttp, Platform, Target
from wharfinger.errors import RequestInvalid
from wharfinger.spec.digest import encodable

if TYPE_CHECKING:
    from wharfinger.scanning.targets.images import Image

Sbom = Literal["cyclonedx", "spdx"]


def scan(
    target: Target,
    /,
    *,
    advisories: AdvisoriesAt = None,
    sbom: Annotated[Sbom | None, Parameter(help="Print a bill of materials of one image instead.")] = None,
    attach: Annotated[
        bool, Parameter(negative="", help="With --sbom: push it beside the image, as its referrer, for each platform.")
    ] = False,
    platform: Platform = None,
    output: Annotated[Literal["table", "json"], Parameter(help="How findings are printed.")] = "table",
    plain_http: PlainHttp = None,
) -> int:
    """Say what is in an image and which known vulnerabilities it has, for every platform of an index.

    Exit status: 0 it was scanned, whatever was found; 2 it could not be. The JSON is docs/scan.schema.json.
    """
    if sbom is not None:
        _sboms(target, sbom, platform, plain_http, attached=attach)
        return 0
    if attach:
        raise RequestInvalid("--attach goes with --sbom")
    from wharfinger.cli import findings
    from wharfinger.scanning import report
    from wharfinger.scanning.findings import Severity

    found, _ = targets.scanned(
        target,
        advisories,
        today=datetime.now(UTC).date(),
        platform=platform,
        plain_http=plain_http,
        unknown_as=Severity.HIGH,
    )
    if output == "json":
        sys.stdout.write(report.text(found))
    else:
        findings.show(found)
    return 0


def _sboms(target: str, format: Sbom, platform: str | None, plain_http: list[str] | None, *, attached: bool) -> None:
    """Bills of materials: printed, of the one image that is meant, or pushed beside every one. Raises Refusal."""
    from wharfinger.scanning import running
    from wharfinger.scanning.sbom import cyclonedx, spdx
    from wharfinger.scanning.sbom.subject import EPOCH, Subject
    from wharfinger.scanning.targets.images import require_some

    made = cyclonedx if format == "cyclonedx" else spdx
    with targets.opened(target, plain_http) as opened:
        images = [each for each in targets.chosen(opened, platform) if each.layers is not None]
        if not images:
            raise RequestInvalid(f"{target} has no file system, so there is nothing to make a bill of")
        require_some(images)
        if len(images) > 1 and not attached:
            known = ", ".join(each.platform for each in images)
            raise RequestInvalid(f"a bill of materials is of one image: choose with --platform one of {known}")
        with targets.watching(images) as watch:
            catalogues = running.catalogues(opened, images, watch)
    found = [
        (image, made.text(Subject(encodable(target), image.digest, image.platform, catalogue, image.created or EPOCH)))
        for image, catalogue in zip(images, catalogues, strict=True)
    ]
    if attached:
        _attach(target, found, made.MEDIA_TYPE, plain_http)
    else:
        sys.stdout.write(found[0][1])


def _attach(target: str, found: "Sequence[tuple[Image, str]]", media_type: str, plain_http: list[str] | None) -> None:
    """Push the bills as referrers of their images, and print their digests."""
    from wharfinger.cli import registries
    from wharfinger.remote import artifacts
    from wharfinger.remote.references import ImageReference
    from wharfinger.scanning.sbom.subject import EPOCH
    from wharfinger.scanning.targets import naming
    from wharfinger.spec.descriptor import Descriptor

    name = naming.parse(target)
    if not isinstance(name, ImageReference):
        raise RequestInvalid(f"--attach pushes to a registry, and {target} is in none")
    with registries.pushing(frozenset(plain_http or ())) as (repositories, pusher):
        for image, text in found:
            if image.trouble:
                raise RequestInvalid(f"{image.platform or image.digest}: {image.trouble}")
            subject = Descriptor(image.media_type, image.digest, image.size, {})
            created = image.created or EPOCH
            digest = artifacts.attach(pusher, repositories, name, subject, media_type, text.encode(), created)
            print_rows(("Platform", "Image", "Bill of materials"), [(image.platform, image.digest, digest)])
