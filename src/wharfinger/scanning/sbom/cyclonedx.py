"""CycloneDX 1.6 as JSON. Pure."""

import json
from typing import Any

from wharfinger import __version__
from wharfinger.scanning.packages import Package
from wharfinger.scanning.sbom.subject import Subject, named

MEDIA_TYPE = "application/vnd.cyclonedx+json"
Fields = dict[str, Any]


def text(subject: Subject) -> str:
    """The document: the same image, the same bytes."""
    return json.dumps(document(subject), indent=2, ensure_ascii=False) + "\n"


def document(subject: Subject) -> Fields:
    """The document."""
    packages = list(named(subject.packages))
    root = subject.digest
    whole = not subject.catalogue.problems
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{subject.identity('cyclonedx')}",
        "version": 1,
        "metadata": {
            "timestamp": subject.created,
            "tools": {"components": [{"type": "application", "name": "wharfinger", "version": __version__}]},
            "component": {
                "type": "container",
                "bom-ref": root,
                "name": subject.name,
                "version": subject.digest,
                "properties": _properties(platform=subject.platform, cataloguer=subject.catalogue.cataloguer),
            },
        },
        "components": [*_system(subject), *(_component(name, package) for name, package in packages)],
        "dependencies": [{"ref": root, "dependsOn": sorted(name for name, _ in packages)}],
        "compositions": [{"aggregate": "complete" if whole else "incomplete", "assemblies": [root]}],
    }


def _system(subject: Subject) -> list[Fields]:
    found = subject.catalogue.distribution
    if found is None:
        return []
    return [
        {"type": "operating-system", "bom-ref": f"os:{found.id}@{found.version}", "name": found.id}
        | ({"version": found.version} if found.version else {})
    ]


def _component(name: str, package: Package) -> Fields:
    source = f"{package.source.name}@{package.source.version}" if package.source else ""
    properties = _properties(layer=package.layer, source=source, covered_by=package.covered_by or "")
    fields: Fields = {
        "type": "library",
        "bom-ref": name,
        "name": package.name,
        "version": package.version,
        "purl": package.purl,
    }
    if package.paths:
        fields["evidence"] = {"occurrences": [{"location": path} for path in sorted(set(package.paths))]}
    return fields | ({"properties": properties} if properties else {})


def _properties(**values: str) -> list[Fields]:
    return [{"name": f"wharfinger:{name}", "value": value} for name, value in sorted(values.items()) if value]
