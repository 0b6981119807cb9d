"""The JSON Schema of a scan's report, as published in ``docs/scan.schema.json``. Pure.

python -m wharfinger.scanning.report_schema > docs/scan.schema.json
"""

import json
import sys
from typing import Any

from wharfinger.scanning.findings import Severity
from wharfinger.scanning.report import SCHEMA

Fields = dict[str, Any]

_TEXT: Fields = {"type": "string"}
_TEXT_OR_NULL: Fields = {"type": ["string", "null"]}
_DIGEST: Fields = {"type": "string", "pattern": "^sha(256:[0-9a-f]{64}|512:[0-9a-f]{128})$"}
_DATE_OR_NULL: Fields = {"type": ["string", "null"], "format": "date"}


def document() -> Fields:
    """The schema."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "What wharf scan found",
        **_object(
            schema={"const": SCHEMA},
            target=_said(_TEXT, "What was scanned, as it was asked for."),
            advisories=_object(
                sha256=_said(_TEXT, "The hash of the set of advisories."),
                sources={"type": "object", "additionalProperties": {"type": "integer", "minimum": 0}},
            ),
            images=_list(_image()),
        ),
    }


def _image() -> Fields:
    statuses = ["complete", "partial", "not-assessed", "nothing-to-scan"]
    return _object(
        digest=_DIGEST,
        platform=_said(_TEXT, "Like linux/arm64/v8; empty where nothing says it."),
        status=_said({"enum": statuses}, "Only of a complete image does an empty list of findings mean none."),
        distribution={"anyOf": [_distribution(), {"type": "null"}]},
        problems=_list(_object(layer=_TEXT, path=_TEXT, reason=_TEXT)),
        not_assessed=_list(_object(ecosystem=_TEXT, packages={"type": "integer", "minimum": 0}, reason=_TEXT)),
        packages=_list(_package()),
        findings=_list(_finding()),
    )


def _distribution() -> Fields:
    return _object(id=_TEXT, version=_TEXT, ecosystem=_TEXT_OR_NULL, end_of_life=_DATE_OR_NULL)


def _package() -> Fields:
    return _object(
        purl=_TEXT,
        type=_said(_TEXT, "The type of the purl."),
        name=_TEXT,
        version=_TEXT,
        source={"anyOf": [_object(name=_TEXT, version=_TEXT), {"type": "null"}]},
        layer=_said(_TEXT, "The digest of the layer that introduced it."),
        paths=_list(_TEXT),
        covered_by=_said(_TEXT_OR_NULL, "The purl of the distribution's package that owns it and is judged instead."),
    )


def _finding() -> Fields:
    states = ["fixed", "affected", "wont-fix", "deferred", "under-investigation"]
    severity: Fields = {"enum": [each.value for each in Severity]}
    return _object(
        id=_said(_TEXT, "The CVE where there is one."),
        aliases=_list(_TEXT),
        advisories=_list(_TEXT),
        purl=_TEXT,
        package=_said(_TEXT, "The name that matched: of distributions the source package's."),
        version=_TEXT,
        fixed=_TEXT_OR_NULL,
        state={"enum": states},
        severity=severity,
        ratings=_list(_object(source=_TEXT, severity=severity, vector=_TEXT_OR_NULL)),
        kev=_said({"type": "boolean"}, "Whether it is known to be exploited, by the catalogue of CISA."),
        suppressed=_said(_TEXT_OR_NULL, "Why it is not counted, where something says so."),
    )


def _object(**properties: Fields) -> Fields:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(properties),
        "properties": properties,
    }


def _list(items: Fields) -> Fields:
    return {"type": "array", "items": items}


def _said(schema: Fields, description: str) -> Fields:
    return {**schema, "description": description}


def text() -> str:
    """The schema as it is published."""
    return json.dumps(document(), indent=2) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
