"""The section ``vex`` of ``policy.yaml``: reading it, saying it, what a change of it does, and what is in force.

vex:
  - {name: shop, repositories: shop/**, pushed_by: [ci-vex, "group:security"]}
"""

import json
from collections.abc import Iterator, Sequence

from sqlalchemy import Connection

from wharfinger.access.named_items import Form
from wharfinger.access.plain_values import listed, selector_words
from wharfinger.access.policy_sections import Section
from wharfinger.access.policy_things import Item
from wharfinger.errors import RequestInvalid, Unavailable
from wharfinger.meta import jobs, policy_sections, vex_attached
from wharfinger.meta.vex_attached import Attached
from wharfinger.scanning import trust
from wharfinger.scanning.trust import Trust

WORD = "vex"
NOUN = "vex_rule"
RULES_AT_MOST = 500
LOOKED_AT = 10_000
"""Documents that are looked at; whoever plans must not wait for a million."""
PAGE = 500
KIND = "vex"
ALL = "all"
"""The job that judges again wherever a document lies."""

FORM = Form(NOUN, "rule", trust.FIELDS, trust.REQUIRED, trust.whole, at_most=RULES_AT_MOST)


def words(item: Item) -> str:
    """The rule in one line."""
    fields = item.plain
    who = ", ".join(listed(fields["pushed_by"])) if "pushed_by" in fields else "whoever may push"
    return f"vex rule {item.name} in {selector_words(fields['repositories'])}: documents by {who} count"


def principals(item: Item) -> Iterator[tuple[str, str]]:
    """Whom the rule names."""
    for number, name in enumerate(listed(item.plain["pushed_by"]) if "pushed_by" in item.plain else ()):
        yield f"pushed_by[{number}]", name


def effect(tx: Connection, _before: Item | None, _after: Item | None, whole: Sequence[Item]) -> str:
    """How many documents begin or cease to count."""
    old, new = in_force(tx), trust.trust([each.plain for each in whole])
    seen = begin = cease = 0
    for each in every(tx):
        was, is_ = (side.rule(each.repository, each.principals) is not None for side in (old, new))
        seen, begin, cease = seen + 1, begin + (is_ and not was), cease + (was and not is_)
        if seen >= LOOKED_AT:
            break
    return f"of {seen} VEX documents beside images {begin} begin to count and {cease} count no more"


def every(tx: Connection) -> Iterator[Attached]:
    """All documents that are there."""
    last = ("", "")
    while page := vex_attached.page(tx, last, PAGE):
        yield from page
        last = page[-1].repository, page[-1].manifest


def in_force(tx: Connection) -> Trust:
    """The rules that are in force. Raises Unavailable when they cannot be read: nobody knows whom they trust."""
    try:
        return trust.trust(json.loads(policy_sections.read(tx, WORD).text))
    except (RequestInvalid, ValueError, TypeError, AttributeError) as error:
        raise Unavailable("this version cannot read the rules about VEX documents: apply them again") from error


def written(tx: Connection, now: float) -> None:
    """The rules have changed: let be judged again what documents are about."""
    jobs.enqueue(tx, KIND, ALL, {}, now)


SECTION = Section(WORD, NOUN, FORM.read, words, effect, principals, written)
