"""The ``lifecycle`` section of ``policy.yaml``: read with line and column of everything that is wrong."""

from typing import Any

from wharfinger.access import policy_sections, yaml_tree
from wharfinger.access.policy_file import VERSION
from wharfinger.access.policy_reading import Reading
from wharfinger.access.policy_sections import Section
from wharfinger.access.policy_things import Item
from wharfinger.access.yaml_plain import note, plain
from wharfinger.access.yaml_tree import Sequence, Tree
from wharfinger.errors import RequestInvalid
from wharfinger.lifecycle import parsing
from wharfinger.lifecycle.rules import Policy

WORD = "lifecycle"
NOUN = "lifecycle_policy"
BESIDE = ("version", "access", "repositories", "tags", "gates", "vex")
"""What may stand in a file beside ``lifecycle``, and is not looked at here."""
RULES_SHOWN = 500
"""Characters."""


def parse(text: str) -> tuple[Policy, ...]:
    """The policies of a whole file. Raises RequestInvalid, whose ``detail["problems"]`` has all that is wrong."""
    root = yaml_tree.read(text)
    reading = Reading()
    if root is None:
        reading.note(None, "", "there is nothing in it: want at least 'lifecycle:'")
        reading.finish()
    top = reading.fields(root, "", (WORD, *BESIDE), required=(WORD,))
    reading.text(top.get("version"), "version", _version)
    found = read(reading, top[WORD], WORD) if WORD in top else ()
    reading.finish()
    return found


def _version(text: str) -> str:
    if text != VERSION:
        raise RequestInvalid(f"version {text[:20]!r} is not known here: want {VERSION}")
    return text


def read(reading: Reading, node: Tree, path: str) -> tuple[Policy, ...]:
    """The policies that the node lists; what is wrong is noted, with its place."""
    if isinstance(node, Sequence) and not node.items:
        return ()
    return _read(reading, node, path)[0]


def _read(reading: Reading, node: Tree, path: str) -> tuple[tuple[Policy, ...], object]:
    noted = len(reading.problems)
    data = plain(reading, node, path)
    if len(reading.problems) > noted:
        return (), data
    policies, wrong = parsing.collect(data, path)
    for each in wrong:
        note(reading, path, RequestInvalid(each.problem, path=each.path, problem=each.problem))
    return policies, data


def items(reading: Reading, node: Tree, path: str) -> tuple[Item, ...]:
    """The same as things of a section, which are stored and exported as they were written."""
    if isinstance(node, Sequence) and not node.items:
        return ()  # a file says so when the last policy is to go
    policies, data = _read(reading, node, path)
    if reading.problems or not isinstance(data, list) or len(policies) != len(data):
        return ()
    return tuple(policy_sections.item(NOUN, _counted(fields)) for fields in data)


def _counted(data: Any) -> Any:
    """The same with ``newest`` as the number that it is: YAML's numbers are text to us, and not to others."""
    if isinstance(data, dict):
        return {key: _counted_under(key, each) for key, each in data.items()}
    return [_counted(each) for each in data] if isinstance(data, list) else data


def _counted_under(key: str, value: Any) -> Any:
    if key in {"labels", "annotations"}:
        return value  # what is in there is called as somebody likes
    return int(value) if key == "newest" else _counted(value)


def policies(stored: tuple[Item, ...]) -> tuple[Policy, ...]:
    """The policies that things of the section are."""
    return tuple(policy for item in stored for policy in parsing.parse([item.plain]))


def words(item: Item) -> str:
    """A policy in one line, with its rules as far as these fit in."""
    (policy,) = policies((item,))
    fields: dict[str, Any] = item.plain
    how = f"{'binding ' if policy.binding else ''}{'observing ' if policy.mode == 'observe' else ''}"
    more = "".join(f", {key} {fields[key]}" for key in ("schedule", "ceiling", "brownout", "trash") if key in fields)
    rules = "; ".join(_rule(rule) for rule in fields["rules"])
    said = rules if len(rules) <= RULES_SHOWN else f"{rules[:RULES_SHOWN]}… ({len(policy.rules)} rules)"
    return f"{how}lifecycle policy {policy.name} for {policy.repositories}{more}: {said}"


def _rule(fields: dict[str, Any]) -> str:
    verb = next(action for action in parsing.ACTIONS if action in fields)
    name = f"{fields['name']}: " if "name" in fields else ""
    return f"{name}{verb} {_flow(fields[verb])}"


def _flow(value: object) -> str:
    """As YAML has it on one line, without quotes."""
    match value:
        case dict():
            return f"{{{', '.join(f'{key}: {_flow(each)}' for key, each in value.items())}}}"
        case list():
            return f"[{', '.join(map(_flow, value))}]"
        case bool():
            return str(value).lower()
    return str(value)


SECTION = Section(WORD, NOUN, items, words)
