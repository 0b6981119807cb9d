"""GitLab's container scanning report, version 15.0.7: what GitLab checks of it before it takes it."""

from typing import Any

import jsonschema

_TEXT = {"type": "string", "minLength": 1}
_TIME = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}$"}
_URL = {"type": "string", "pattern": "^(https?|ftp)://.+"}


def _object(*required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(required), "properties": properties}


_TOOL = _object(
    *("id", "name", "version", "vendor"), id=_TEXT, name=_TEXT, version=_TEXT, vendor=_object("name", name=_TEXT)
)
_IDENTIFIER = _object("type", "name", "value", type=_TEXT, name=_TEXT, value=_TEXT, url=_URL)
_LOCATION = _object(
    *("dependency", "operating_system", "image"),
    dependency=_object(
        *("package", "version"), package=_object("name", name={"type": "string"}), version={"type": "string"}
    ),
    operating_system=_TEXT,
    image=_TEXT,
)
_FLAG = _object(
    *("type", "origin", "description"),
    type={"enum": ["flagged-as-likely-false-positive"]},
    origin=_TEXT,
    description=_TEXT,
)
_VULNERABILITY = _object(
    *("id", "identifiers", "location"),
    id=_TEXT,
    name={"type": "string", "maxLength": 255},
    description={"type": "string", "maxLength": 1048576},
    severity={"enum": ["Info", "Unknown", "Low", "Medium", "High", "Critical"]},
    solution={"type": "string", "maxLength": 7000},
    identifiers={"type": "array", "minItems": 1, "items": _IDENTIFIER},
    links={"type": "array", "items": _object("url", url=_URL)},
    flags={"type": "array", "items": _FLAG},
    location=_LOCATION,
)
_SCAN = _object(
    *("analyzer", "end_time", "scanner", "start_time", "status", "type"),
    end_time=_TIME,
    start_time=_TIME,
    analyzer=_TOOL,
    scanner=_TOOL,
    status={"enum": ["success", "failure"]},
    type={"enum": ["container_scanning"]},
    messages={
        "type": "array",
        "items": _object("level", "value", level={"enum": ["info", "warn", "fatal"]}, value=_TEXT),
    },
)
_REPORT = _object(
    *("scan", "version", "vulnerabilities"),
    scan=_SCAN,
    version={"const": "15.0.7"},
    vulnerabilities={"type": "array", "items": _VULNERABILITY},
)


def problems(report: object) -> list[str]:
    """Where the report is not what GitLab asks for, and why."""
    validator = jsonschema.Draft7Validator(_REPORT)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(report)]
