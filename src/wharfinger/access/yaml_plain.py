"""A part of a YAML tree as plain data: text, true and false, lists and mappings. Where everything stood is noted."""

from wharfinger.access.policy_reading import Problem, Reading
from wharfinger.access.yaml_tree import Mapping, Scalar, Sequence, Tree
from wharfinger.errors import RequestInvalid


def plain(reading: Reading, node: Tree, path: str) -> object:
    """The data. A number stays the text that was written; nothing is a problem where a value is wanted."""
    reading.places.setdefault(path, node.place)
    match node:
        case Scalar() if node.is_null:
            reading.note(node, path, "no value: leave the key out if there is none")
        case Scalar():
            return node.text == "true" if node.plain and node.text in {"true", "false"} else node.text
        case Sequence():
            return [plain(reading, item, at) for item, at in reading.items(node, path)]
        case Mapping():
            return {key: plain(reading, value, at) for key, value, at in reading.pairs(node, path)}
    return None


def note(reading: Reading, path: str, refused: RequestInvalid) -> None:
    """Something is wrong at ``path`` or below, where the refusal says: with the place of what is nearest to it."""
    below, problem = refused.detail.get("path", path), refused.detail.get("problem", refused.message)
    at = below
    while at and at not in reading.places:
        at = at[: max(at.rfind("."), at.rfind("["), 0)]
    reading.problems.append(Problem(reading.places.get(at or path), below, problem))
