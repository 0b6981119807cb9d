"""Tag rules in ``policy.yaml``: reading them, saying them, and what a change of them does.

tags:
  - name: releases
    repositories: shop/**
    tags: semver
    except: floating
    immutable: true
    undeletable: {until: 2027-01-31}
  - {name: forms, repositories: "**", except: [latest, dev-*], form: [semver, floating, git-sha]}
  - {name: production, repositories: "**", tags: prod-*, moved_by: [alice, "group:releasers"]}
"""

from collections.abc import Iterator

from wharfinger.access import policy_sections
from wharfinger.access.policy_reading import Reading
from wharfinger.access.policy_sections import Section
from wharfinger.access.policy_things import Item
from wharfinger.access.yaml_plain import note, plain
from wharfinger.access.yaml_tree import Tree
from wharfinger.errors import RequestInvalid
from wharfinger.tagging import effects, parsing

WORD = "tags"
NOUN = "tag_rule"
RULES_AT_MOST = 500


def read(reading: Reading, node: Tree, path: str) -> tuple[Item, ...]:
    """The rules; what is wrong is noted."""
    found: dict[str, Item] = {}
    for value, at in reading.items(node, path):
        rule = _rule(reading, value, at)
        if rule is not None and rule.name in found:
            reading.note(value, f"{at}.name", f"there are two rules of the name {rule.name}")
        elif rule is not None:
            found[rule.name] = rule
    if len(found) > RULES_AT_MOST:
        reading.note(node, path, f"more than {RULES_AT_MOST} rules")
    return tuple(found.values())


def _rule(reading: Reading, node: Tree, path: str) -> Item | None:
    noted = len(reading.problems)
    fields = {
        key: plain(reading, value, f"{path}.{key}")
        for key, value in reading.fields(node, path, tuple(parsing.FIELDS), required=("name", "repositories")).items()
    }
    for key, value in fields.items() if len(reading.problems) == noted else ():
        try:
            parsing.FIELDS[key](value, f"{path}.{key}")
        except RequestInvalid as refused:
            note(reading, f"{path}.{key}", refused)
    if len(reading.problems) > noted:
        return None
    wrong = parsing.whole(fields)
    if wrong is not None:
        key, problem = wrong
        reading.note(node, f"{path}.{key}" if key else path, problem)
        return None
    return policy_sections.item(NOUN, fields)


def words(item: Item) -> str:
    """The rule in one line."""
    fields = item.plain
    told = [_effect_words(key, fields[key]) for key in parsing.EFFECTS if fields.get(key) not in (None, False)]
    where = parsing.words(fields["repositories"])
    about = f" for {parsing.words(fields['tags'])}" if "tags" in fields else ""
    but = f" except {parsing.words(fields['except'])}" if "except" in fields else ""
    return f"tag rule {item.name} in {where}{about}{but}: {', '.join(told)}"


def _effect_words(key: str, value: object) -> str:
    if key == "form":
        return f"of the form {parsing.words(value)}"
    if key == "moved_by":
        return f"moved by {', '.join(_listed(value))} only"
    if isinstance(value, dict):
        return f"{key} until {value['until']}"
    return key.replace("_", " ")


def principals(item: Item) -> Iterator[tuple[str, str]]:
    """Who the rule says may move tags."""
    names = item.plain.get("moved_by")
    if isinstance(names, list):
        yield from ((f"moved_by[{number}]", str(name)) for number, name in enumerate(names))
    elif names is not None:
        yield "moved_by", str(names)


def _listed(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else [str(value)]


SECTION = Section(WORD, NOUN, read, words, effects.of, principals)
