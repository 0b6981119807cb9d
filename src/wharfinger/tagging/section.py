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

from wharfinger.access.named_items import Form
from wharfinger.access.plain_values import listed, selector_words
from wharfinger.access.policy_sections import Section
from wharfinger.access.policy_things import Item
from wharfinger.tagging import effects, parsing
from wharfinger.tagging.rules import WORD

NOUN = "tag_rule"
RULES_AT_MOST = 500

FORM = Form(NOUN, "rule", parsing.FIELDS, ("name", "repositories"), parsing.whole, at_most=RULES_AT_MOST)


def words(item: Item) -> str:
    """The rule in one line."""
    fields = item.plain
    told = [_effect_words(key, fields[key]) for key in parsing.EFFECTS if fields.get(key) not in (None, False)]
    where = selector_words(fields["repositories"])
    about = f" for {selector_words(fields['tags'])}" if "tags" in fields else ""
    but = f" except {selector_words(fields['except'])}" if "except" in fields else ""
    return f"tag rule {item.name} in {where}{about}{but}: {', '.join(told)}"


def _effect_words(key: str, value: object) -> str:
    if key == "form":
        return f"of the form {selector_words(value)}"
    if key == "moved_by":
        return f"moved by {', '.join(listed(value))} only"
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


SECTION = Section(WORD, NOUN, FORM.read, words, effects.of, principals)
