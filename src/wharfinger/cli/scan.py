"""``wharf scan``: what is in an image, and what is known to be wrong with it. No server is needed."""

import sys
from datetime import UTC, datetime
from typing import Annotated, Literal

from cyclopts import Parameter

from wharfinger.cli import targets
from wharfinger.cli.targets import AdvisoriesAt, PlainHttp, Platform, Target
from wharfinger.errors import RequestInvalid

Sbom = Literal["cyclonedx", "spdx"]


def scan(
    target: Target,
    /,
    *,
    advisories: AdvisoriesAt | None = None,
    sbom: Annotated[Sbom | None, Parameter(help="Print a bill of materials of one image instead.")] = None,
    platform: Platform = None,
    output: Annotated[Literal["table", "json"], Parameter(help="How findings are printed.")] = "table",
    plain_http: PlainHttp = None,
) -> int:
    """Say what is in an image and which known vulnerabilities it has, for every platform of an index.

    Exit status: 0 it was scanned, whatever was found; 2 it could not be. The JSON is docs/scan.schema.json.
    """
    if sbom is not None:
        print_sbom(target, sbom, platform, plain_http)
        return 0
    if advisories is None:
        raise RequestInvalid("--advisories is missing: say where advisories are, or ask for an --sbom")
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


def print_sbom(target: str, format: Sbom, platform: str | None, plain_http: list[str] | None) -> None:
    """The bill of materials of the one image that is meant. Raises Refusal where there are several, or none."""
    from wharfinger.scanning import running
    from wharfinger.scanning.sbom import cyclonedx, spdx
    from wharfinger.scanning.sbom.subject import EPOCH, Subject
    from wharfinger.scanning.targets.images import require_some

    with targets.opened(target, plain_http) as opened:
        images = targets.chosen(opened, platform)
        require_some(images)
        if len(images) > 1:
            known = ", ".join(each.platform for each in images)
            raise RequestInvalid(f"a bill of materials is of one image: choose with --platform one of {known}")
        with targets.watching(images) as watch:
            (catalogue,) = running.catalogues(opened, images, watch)
    if catalogue.nothing_to_scan:
        raise RequestInvalid(f"{target} has no file system, so there is nothing to make a bill of")
    (image,) = images
    subject = Subject(target, image.digest, image.platform, catalogue, image.created or EPOCH)
    sys.stdout.write((cyclonedx if format == "cyclonedx" else spdx).text(subject))
