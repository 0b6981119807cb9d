"""Repositories in ``policy.yaml``: whose they are, and who may make one by pushing to it.

repositories:
  - {name: shop, repositories: shop/**, owner: "group:shop", create: [ci-shop, "group:shop"]}
  - {name: rest, repositories: "**", create: false}
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection

from wharfinger.access import repository_parsing
from wharfinger.access.named_items import Form
from wharfinger.access.plain_values import NAME_AT_MOST, PRINCIPALS_AT_MOST, listed, selector_words
from wharfinger.access.policy_sections import Section
from wharfinger.access.policy_things import Item
from wharfinger.access.repository_book import WORD, compiled
from wharfinger.access.repository_rules import Rule, on_owner
from wharfinger.meta import policy_sections, repos

NOUN = "repository_rule"
RULES_AT_MOST = 500
REPOSITORIES_AT_MOST = 100_000
"""Repositories that are looked at; whoever plans must not wait for a million."""
PAGE = 1000
NAMED_AT_MOST = 3

FORM = Form(
    NOUN, "rule", repository_parsing.FIELDS, ("name", "repositories"), repository_parsing.whole, at_most=RULES_AT_MOST
)


def words(item: Item) -> str:
    """The rule in one line."""
    fields = item.plain
    said = [f"owned by {fields['owner']}"] if "owner" in fields else []
    said += [_creation_words(fields["create"])] if "create" in fields else []
    return f"repository rule {item.name} for {selector_words(fields['repositories'])}: {', '.join(said)}"


def _creation_words(create: object) -> str:
    if isinstance(create, bool):
        return "made by whoever may push" if create else "made by nobody"
    return f"made by {', '.join(listed(create))} only"


def principals(item: Item) -> Iterator[tuple[str, str]]:
    """Whom the rule names."""
    fields = item.plain
    if "owner" in fields:
        yield "owner", str(fields["owner"])
    create = fields.get("create")
    if isinstance(create, list):
        yield from ((f"create[{number}]", str(name)) for number, name in enumerate(create))
    elif isinstance(create, str):
        yield "create", create


# --- what a change does


def effect(tx: Connection, before: Item | None, after: Item | None, whole: Sequence[Item]) -> str:
    """Whose present repositories become by this rule; those that are there stay, whoever may make one."""
    about = [repository_parsing.rule(each.plain) for each in (before, after) if each is not None]
    old = compiled(policy_sections.read(tx, WORD).text)
    new = tuple(repository_parsing.rule(each.plain) for each in whole)
    seen, moved, examples = 0, Counter[str | None](), list[str]()
    for name in _covered(tx, about):
        seen += 1
        was, is_ = on_owner(old, name), on_owner(new, name)
        if _owner(was) != _owner(is_) and any(rule in about for rule in (was, is_)):
            moved[_owner(is_)] += 1
            examples.append(name)
            del examples[NAMED_AT_MOST:]
    return _told(seen, moved, examples)


def _owner(rule: Rule | None) -> str | None:
    return None if rule is None else rule.owner


def _covered(tx: Connection, about: Sequence[Rule]) -> Iterator[str]:
    last, looked = "", 0
    while looked < REPOSITORIES_AT_MOST and (page := repos.page(tx, last, PAGE)):
        last, looked = page[-1], looked + len(page)
        yield from (name for name in page if any(rule.repositories.matches(name) for rule in about))


def _told(seen: int, moved: Counter[str | None], examples: Iterable[str]) -> str:
    of = f"{seen} present repositor{'y' if seen == 1 else 'ies'}"
    if not moved:
        return f"{of} stay{'s' if seen == 1 else ''} as {'it is' if seen == 1 else 'they are'}"
    said = [f"{count} {'belongs' if count == 1 else 'belong'} to {who or 'nobody'}" for who, count in moved.items()]
    return f"of {of} {'; '.join(said)} ({', '.join(examples)})"


# --- and what the JSON Schema says of it


def schema() -> dict[str, Any]:
    """The schema of the section; its ``$ref`` leads to the selector that the whole file defines."""
    one = {"type": "string", "minLength": 1}
    several = {"type": "array", "items": one, "minItems": 1, "maxItems": PRINCIPALS_AT_MOST}
    fields: dict[str, Any] = {
        "name": {"type": "string", "minLength": 1, "maxLength": NAME_AT_MOST},
        "repositories": {"$ref": "#/$defs/selector"},
        "owner": one | {"description": "The account, or group:NAME, whose the repositories are."},
        "create": {
            "description": "Whether a push may make one of them; or the accounts and groups (group:NAME) that may.",
            "anyOf": [{"type": "boolean"}, one, several],
        },
    }
    rule = {
        "type": "object",
        "properties": {key: fields[key] for key in repository_parsing.FIELDS},
        "required": list(FORM.required),
        "anyOf": [{"required": [key]} for key in repository_parsing.EFFECTS],
        "additionalProperties": False,
    }
    return {"type": "array", "items": rule}


SECTION = Section(WORD, NOUN, FORM.read, words, effect, principals)
