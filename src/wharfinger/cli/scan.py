"""``wharf scan``: what is in an image, and what is known to be wrong with it. No server is needed."""

import sys
from datetime import UTC, datetime
from typing import Annotated, Literal

from cyclopts import Parameter

from wharfinger.cli import sbom as sboms
from wharfinger.cli import targets
from wharfinger.cli.sbom import Format
from wharfinger.cli.targets import AdvisoriesAt, PlainHttp, Platform, Target
from wharfinger.errors import RequestInvalid


def scan(
    target: Target,
    /,
    *,
    advisories: AdvisoriesAt = None,
    sbom: Annotated[Format | None, Parameter(help="Print a bill of materials of one image instead.")] = None,
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
        sboms.give(target, sbom, platform, plain_http, attach=attach)
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
