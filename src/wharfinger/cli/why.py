"""``wharf why``: where in an image a vulnerability comes from, and what takes it away. No server is needed."""

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from wharfinger.cli import judged
from wharfinger.cli.gate_files import Vex
from wharfinger.cli.judged import ElseAdvisories, KnownTarget
from wharfinger.cli.output import clean, moment
from wharfinger.cli.targets import PlainHttp, Platform

if TYPE_CHECKING:
    from wharfinger.scanning.answers.causes import Cause, Explanation
    from wharfinger.scanning.answers.origins import Layer

FOUND, NOT_FOUND, NOT_KNOWN = 0, 1, 2

Vulnerability = Annotated[str, Parameter(help="A CVE, or another name of a vulnerability or an advisory.")]
OfPackage = Annotated[str | None, Parameter(help="Only in this package: its name, its source's, or its purl.")]


def why(
    target: KnownTarget,
    vulnerability: Vulnerability,
    /,
    *,
    package: OfPackage = None,
    advisories: ElseAdvisories = None,
    vex: Vex = None,
    platform: Platform = None,
    output: Annotated[Literal["text", "json"], Parameter(help="How it is printed.")] = "text",
    plain_http: PlainHttp = None,
) -> int:
    """Say why an image has a vulnerability: package, files, layer, the command that made it, and the least update.

    Exit status: 0 it has it, 1 it does not, 2 that is not known, since not all of the image was read and judged.
    """
    from wharfinger.scanning.answers import causes, explanations

    told = judged.known(target, advisories, platform=platform, plain_http=plain_http, vex=vex)
    concerned = {each.digest for each in told.images for found in each.findings if found.is_called(vulnerability)}
    origins = judged.origins(target, concerned, plain_http)
    found = [
        causes.explain(each, vulnerability, judged.origin(origins, each.digest), package=package)
        for each in told.images
    ]
    if output == "json":
        sys.stdout.write(explanations.text(target, vulnerability, found))
    else:
        _show(target, vulnerability, found)
    if any(each.causes for each in found):
        return FOUND
    return NOT_FOUND if all(each.is_known for each in found) else NOT_KNOWN


def _show(target: str, vulnerability: str, found: "Sequence[Explanation]") -> None:
    for each in found:
        for cause in each.causes:
            finding = cause.finding
            platform = f"{each.image.platform}: " if each.image.platform else ""
            print(clean(f"{platform}{finding.id} ({finding.severity}) in {finding.package} {finding.version}"))
            for name, value in _facts(each, cause):
                print(f"  {name + ':':<15}{clean(value)}")
        if not each.causes:
            said = "does not have it" if each.is_known else f"is {each.image.status}, so that it is not known"
            print(clean(f"{each.image.platform or target}: {vulnerability}: the image {said}"), file=sys.stderr)


def _facts(found: "Explanation", cause: "Cause") -> Iterator[tuple[str, str]]:
    finding = cause.finding
    names = [*finding.aliases, *(each for each in finding.advisories if each not in {finding.id, *finding.aliases})]
    if names:
        yield "Also", ", ".join(names)
    for each in cause.packages:
        yield "Package", f"{each.name} {each.version}"
        yield "Files", ", ".join(each.paths)
    for each in cause.covers:
        yield "Covers", f"{each.name} {each.version}: {', '.join(each.paths)}"
    for layer in cause.layers:
        yield "Layer", _layer(layer, found)
        yield "Added by", layer.command or "its history does not say"
    yield "Fixed in", finding.fixed or "no version that is known"
    for step in cause.update:
        yield "Update", step
    for rating in finding.ratings:
        yield "Rated", f"{rating.severity} by {rating.source}{f' ({rating.vector})' if rating.vector else ''}"
    yield "Exploited", "known to be, by CISA" if finding.kev else "not known to be"
    if finding.known_since is not None:
        yield "Known here", f"since {moment(finding.known_since.timestamp())}"
    if finding.epss is not None:
        yield "Likelihood", f"{finding.epss:.1%} within 30 days, by EPSS"
    if finding.suppressed is not None:
        yield "Suppressed", finding.suppressed


def _layer(layer: "Layer", found: "Explanation") -> str:
    number = f"{layer.number} of {layer.of}, " if layer.number else ""
    base = found.base
    whose = {True: f"of the base image {base.words}", False: "not of the base image", None: ""}[layer.is_base]
    told = whose or f"whether of a base image is not known: {base.reason}"
    return f"{number}{layer.digest}, {told}"
