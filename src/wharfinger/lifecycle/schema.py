"""The JSON Schema of ``policy.yaml`` (Draft 2020-12), made of what the reader itself goes by."""

from typing import Any

from wharfinger.lifecycle.images import SCANNER
from wharfinger.lifecycle.parsing import ACTIONS, BY, CONDITIONS, COUNT_AT_MOST, MODES, PERCENT, SCANNERS_AT_MOST
from wharfinger.lifecycle.schedules import LENGTH_AT_MOST

NAME = {"type": "string", "pattern": "^[A-Za-z0-9_][A-Za-z0-9_ .:@+-]{0,127}$"}
_SELECTOR = {"$ref": "#/$defs/selector"}
_SELECTORS = {"type": "array", "minItems": 1, "items": _SELECTOR}


def _closed(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    closed: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    return closed | ({"required": list(required)} if required else {})


def _selectors() -> dict[str, Any]:
    text = {"type": "string", "minLength": 1, "maxLength": 512}
    return {
        "description": "A glob, a list of which any matches, or a mapping with exactly one kind of pattern.",
        "anyOf": [
            text,
            _SELECTORS,
            _closed({"glob": text}, "glob"),
            _closed({"regex": text}, "regex"),
            _closed({"semver": text, "prereleases": {"type": "boolean"}}, "semver"),
            _closed({"calver": text}, "calver"),
            _closed({"git_sha": {"enum": [True, "short", "full"]}, "prefix": {"type": "string"}}, "git_sha"),
            _closed({"any": _SELECTORS}, "any"),
            _closed({"all": _SELECTORS}, "all"),
            _closed({"not": _SELECTOR}, "not"),
        ],
    }


def _group() -> dict[str, Any]:
    words: dict[str, Any] = {key: dict(word.schema) for key, word in CONDITIONS.items()}
    words["newest"] = {"type": "integer", "minimum": 1, "maximum": COUNT_AT_MOST}
    words["by"] = {"enum": list(BY)}
    words["per"] = {"type": "string", "description": "major, minor, or a named part of the expression in tags."}
    scanner = {"type": "string", "pattern": f"^{SCANNER}$"}
    several = {"type": "array", "items": scanner, "minItems": 1, "maxItems": SCANNERS_AT_MOST}
    said = "By whom severities are; by all scanners where it is left out."
    words["scanners"] = {"anyOf": [scanner, several], "description": said}
    needs = {"by": ["newest"], "per": ["newest"]}
    return _closed(words) | {"dependentRequired": needs, "description": "Conditions that must all hold."}


def _rule() -> dict[str, Any]:
    group = {"$ref": "#/$defs/group"}
    return _closed(dict.fromkeys(ACTIONS, group) | {"name": NAME}) | {
        "oneOf": [{"required": [action]} for action in ACTIONS]
    }


def lifecycle() -> dict[str, Any]:
    """The schema of the section; its ``$ref`` lead to :func:`definitions`."""
    policy = _closed(
        {
            "name": NAME,
            "repositories": _SELECTOR,
            "binding": {"type": "boolean"},
            "mode": {"enum": list(MODES)},
            "ceiling": {"type": "string", "pattern": f"^{PERCENT.pattern}$"},
            "schedule": {"type": "string", "maxLength": LENGTH_AT_MOST, "description": "Five fields of cron, in UTC."},
            "trash": {"$ref": "#/$defs/duration"},
            "brownout": {"$ref": "#/$defs/duration", "description": "Before deleting: a pull works, warns and keeps."},
            "rules": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/rule"}},
        },
        "name",
        "repositories",
        "rules",
    )
    return {"type": "array", "items": policy}


def definitions() -> dict[str, Any]:
    """What the schema of the section refers to."""
    return {
        "selector": _selectors(),
        "group": _group(),
        "rule": _rule(),
        "duration": {
            "type": "string",
            "pattern": "^(?=.)([0-9]{1,9}w)?([0-9]{1,9}d)?([0-9]{1,9}h)?([0-9]{1,9}m)?([0-9]{1,9}s)?$",
        },
        "size": {"type": ["string", "integer"], "pattern": "^[0-9]{1,18} ?(|B|[kKMGTP]B|[KMGTP]iB)$", "minimum": 0},
    }


def document() -> dict[str, Any]:
    """The schema of a whole file; of the other sections it says that they may be there."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "policy.yaml of Wharfinger",
        "type": "object",
        "properties": {
            "version": {"enum": [1, "1"]},
            "access": {},
            "repositories": {},
            "tags": {},
            "lifecycle": lifecycle(),
        },
        "additionalProperties": False,
        "$defs": definitions(),
    }
