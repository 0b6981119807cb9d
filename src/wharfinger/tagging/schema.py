"""The part of the JSON Schema of ``policy.yaml`` that is about tag rules. Pure."""

from typing import Any

from wharfinger.access.plain_values import NAME_AT_MOST, PRINCIPALS_AT_MOST
from wharfinger.select import WORDS
from wharfinger.tagging.parsing import EFFECTS, FIELDS

_SELECTOR = {"$ref": "#/$defs/selector"}
_WORDS = f"A selector of tags; the words {', '.join(WORDS)} stand for one each."
_UNTIL = {
    "type": "object",
    "properties": {"until": {"type": ["string", "number"]}},
    "required": ["until"],
    "additionalProperties": False,
}
_MOVER = {"type": "string", "minLength": 1}

_FIELDS: dict[str, dict[str, Any]] = {
    "name": {"type": "string", "minLength": 1, "maxLength": NAME_AT_MOST},
    "repositories": _SELECTOR,
    "tags": _SELECTOR | {"description": f"{_WORDS} Left out, every tag is meant."},
    "except": _SELECTOR | {"description": _WORDS},
    "immutable": {"type": "boolean", "description": "The tag stays where it is; the identical image may be pushed."},
    "undeletable": {"anyOf": [{"type": "boolean"}, _UNTIL], "description": "The tag is not removed."},
    "form": _SELECTOR | {"description": _WORDS},
    "example": {"type": "string", "description": "A tag of the form, where none can be made up."},
    "moved_by": {
        "description": "Accounts, and groups as group:NAME, who alone may make, move and remove the tag.",
        "anyOf": [_MOVER, {"type": "array", "items": _MOVER, "minItems": 1, "maxItems": PRINCIPALS_AT_MOST}],
    },
    "forward_only": {"type": "boolean", "description": "A floating tag, such as 1.4, moves only to a higher version."},
}


def tags() -> dict[str, Any]:
    """The schema of the section; its ``$ref`` leads to the selector that the whole file defines."""
    rule = {
        "type": "object",
        "properties": {key: _FIELDS[key] for key in FIELDS},
        "required": ["name", "repositories"],
        "anyOf": [{"required": [key]} for key in EFFECTS],
        "dependentRequired": {"example": ["form"]},
        "additionalProperties": False,
    }
    return {"type": "array", "items": rule}
