"""SPDX 2.3 as JSON. Pure."""

import json
from typing import Any

from wharfinger import __version__
from wharfinger.scanning.packages import Package
from wharfinger.scanning.sbom.subject import Subject

MEDIA_TYPE = "application/spdx+json"
ROOT = "SPDXRef-image"
SYSTEM = "SPDXRef-distribution"
Fields = dict[str, Any]

_UNKNOWN = {
    "downloadLocation": "NOASSERTION",
    "licenseConcluded": "NOASSERTION",
    "licenseDeclared": "NOASSERTION",
    "copyrightText": "NOASSERTION",
    "filesAnalyzed": False,
}


def text(subject: Subject) -> str:
    """The document: the same image, the same bytes."""
    return json.dumps(document(subject), indent=2, ensure_ascii=False) + "\n"


def document(subject: Subject) -> Fields:
    """The document."""
    packages = [_package(f"SPDXRef-package-{n}", each) for n, each in enumerate(subject.packages, start=1)]
    inside = [*_system(subject), *packages]
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": subject.name,
        "documentNamespace": f"urn:uuid:{subject.identity('spdx')}",
        "creationInfo": {"created": subject.created, "creators": [f"Tool: wharfinger-{__version__}"]},
        "packages": [_image(subject), *inside],
        "relationships": [
            _relation("SPDXRef-DOCUMENT", "DESCRIBES", ROOT),
            *(_relation(ROOT, "CONTAINS", each["SPDXID"]) for each in inside),
        ],
    }


def _image(subject: Subject) -> Fields:
    algorithm, _, encoded = subject.digest.partition(":")
    fields: Fields = {
        "SPDXID": ROOT,
        "name": subject.name,
        "versionInfo": subject.digest,
        "primaryPackagePurpose": "CONTAINER",
        "checksums": [{"algorithm": algorithm.upper(), "checksumValue": encoded}],
        **_UNKNOWN,
    }
    said = [f"platform {subject.platform}"] if subject.platform else []
    said += [f"not read: {each.path or each.layer}: {each.reason}" for each in subject.catalogue.problems]
    return fields | ({"comment": "; ".join(said)} if said else {})


def _system(subject: Subject) -> list[Fields]:
    found = subject.catalogue.distribution
    if found is None:
        return []
    fields: Fields = {"SPDXID": SYSTEM, "name": found.id, "primaryPackagePurpose": "OPERATING-SYSTEM", **_UNKNOWN}
    return [fields | ({"versionInfo": found.version} if found.version else {})]


def _package(identifier: str, package: Package) -> Fields:
    fields: Fields = {
        "SPDXID": identifier,
        "name": package.name,
        "versionInfo": package.version,
        "primaryPackagePurpose": "LIBRARY",
        **_UNKNOWN,
        "externalRefs": [
            {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": package.purl}
        ],
    }
    said = [f"found at {path}" for path in sorted(set(package.paths))]
    said += [f"in layer {package.layer}"] if package.layer else []
    said += [f"built from {package.source.name} {package.source.version}"] if package.source else []
    return fields | ({"sourceInfo": "; ".join(said)} if said else {})


def _relation(one: str, kind: str, other: str) -> Fields:
    return {"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}
