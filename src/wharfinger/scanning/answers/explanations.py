"""An explanation as JSON. Pure."""

import json
from collections.abc import Sequence
from typing import Any

from wharfinger.scanning.answers.causes import Cause, Explanation
from wharfinger.scanning.answers.origins import Base, Layer
from wharfinger.scanning.findings import instant
from wharfinger.scanning.packages import Package


def text(target: str, vulnerability: str, found: Sequence[Explanation]) -> str:
    """The JSON as it is printed."""
    return json.dumps(document(target, vulnerability, found), indent=2, ensure_ascii=False) + "\n"


def document(target: str, vulnerability: str, found: Sequence[Explanation]) -> dict[str, Any]:
    """The JSON: the same image with the same advisories, the same bytes."""
    images = [_image(each) for each in found]
    return {"schema": 1, "target": target, "vulnerability": vulnerability, "images": images}


def _image(found: Explanation) -> dict[str, Any]:
    image = found.image
    return {
        "digest": image.digest,
        "platform": image.platform,
        "status": image.status,
        "base": _base(found.base),
        "causes": [_cause(each) for each in found.causes],
    }


def _base(base: Base) -> dict[str, Any]:
    return {
        "name": base.name or None,
        "digest": base.digest or None,
        "layers": base.layers,
        "reason": base.reason or None,
    }


def _cause(cause: Cause) -> dict[str, Any]:
    finding = cause.finding
    return {
        "id": finding.id,
        "aliases": list(finding.aliases),
        "advisories": list(finding.advisories),
        "severity": finding.severity.value,
        "ratings": [
            {"source": each.source, "severity": each.severity.value, "vector": each.vector} for each in finding.ratings
        ],
        "kev": finding.kev,
        "epss": finding.epss,
        "known_since": None if finding.known_since is None else instant(finding.known_since),
        "suppressed": finding.suppressed,
        "package": finding.package,
        "version": finding.version,
        "fixed": finding.fixed,
        "state": finding.state,
        "packages": [_package(each) for each in cause.packages],
        "covers": [_package(each) for each in cause.covers],
        "layers": [_layer(each) for each in cause.layers],
        "update": list(cause.update),
    }


def _package(package: Package) -> dict[str, Any]:
    return {
        "purl": package.purl,
        "name": package.name,
        "version": package.version,
        "layer": package.layer,
        "paths": list(package.paths),
    }


def _layer(layer: Layer) -> dict[str, Any]:
    return {
        "digest": layer.digest,
        "number": layer.number,
        "of": layer.of or None,
        "command": layer.command,
        "base": layer.is_base,
    }
