"""The part of the JSON Schema of ``policy.yaml`` that is about gates. Pure but for what reads durations."""

from typing import Any

from wharfinger.scanning.admission.parsing import (
    CONDITION,
    CONDITIONS_AT_MOST,
    EFFECTS,
    FIELDS,
    LEVELS,
    NAME_AT_MOST,
    SCANNER,
    SCANNERS_AT_MOST,
)
from wharfinger.scanning.admission.rules import Outcome

_LEVEL = {"enum": [each.value for each in LEVELS]}
_OUTCOME = {"enum": [each.value for each in Outcome]}
_LENGTH = {"type": "string", "pattern": "^[0-9]{1,9} ?[smhd]$"}
_TRUTH = {"type": "boolean"}

_CONDITION: dict[str, dict[str, Any]] = {
    "severity": _LEVEL | {"description": "This or worse."},
    "fixable": _TRUTH | {"description": "Whether a version without it is known."},
    "known_exploited": _TRUTH | {"description": "Whether it is known to be exploited, by the catalogue of CISA."},
    "older_than": _LENGTH | {"description": "Published longer ago than this."},
}


def _conditions() -> dict[str, Any]:
    one = {
        "type": "object",
        "properties": {key: _CONDITION[key] for key in CONDITION},
        "minProperties": 1,
        "additionalProperties": False,
        "description": "What must all be true of one finding.",
    }
    several = {"type": "array", "items": one, "minItems": 1, "maxItems": CONDITIONS_AT_MOST}
    return {"anyOf": [one, several]}


def _scanners() -> dict[str, Any]:
    one = {"type": "string", "pattern": f"^{SCANNER}$"}
    return {"anyOf": [one, {"type": "array", "items": one, "minItems": 1, "maxItems": SCANNERS_AT_MOST}]}


_FIELDS: dict[str, dict[str, Any]] = {
    "name": {"type": "string", "minLength": 1, "maxLength": NAME_AT_MOST},
    "repositories": {"$ref": "#/$defs/selector"},
    "block": _conditions() | {"description": "Findings for which a pull is refused."},
    "warn": _conditions() | {"description": "Findings of which a pull is warned."},
    "grace": _LENGTH | {"description": "For so long after publication what blocks only warns."},
    "unscanned": _OUTCOME | {"description": "Images of which nothing is known yet."},
    "partial": _OUTCOME | {"description": "Images of which something could not be read."},
    "not_assessed": _OUTCOME | {"description": "Images with packages that no advisories are about."},
    "stale": {
        "type": "object",
        "properties": {"after": _LENGTH, "then": _OUTCOME},
        "required": ["after", "then"],
        "additionalProperties": False,
        "description": "All images, when the advisories were last changed longer ago than this.",
    },
    "scanners": _scanners() | {"description": "Whose findings count; those of all scanners where it is left out."},
    "unknown_as": _LEVEL | {"description": "What a finding without a severity counts as; high where it is left out."},
}


def gates() -> dict[str, Any]:
    """The schema of the section; its ``$ref`` leads to the selector that the whole file defines."""
    rule = {
        "type": "object",
        "properties": {key: _FIELDS[key] for key in FIELDS},
        "required": ["name", "repositories"],
        "anyOf": [{"required": [key]} for key in EFFECTS],
        "dependentRequired": {"grace": ["block"]},
        "additionalProperties": False,
    }
    return {"type": "array", "items": rule}
