"""Sections of ``policy.yaml`` beside ``access``: other parts of the registry bring them, and what they say is theirs.

A section is a list of things, each with a name. It is compared by these names, written as a whole, and exported as it
was written. As everywhere in the file, what a section leaves out is removed with ``prune`` only.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from wharfinger.access.grants import GROUP
from wharfinger.access.planning import Change, Kind, Plan
from wharfinger.access.policy_file import Policy, Readers
from wharfinger.access.policy_reading import Problem, Reading
from wharfinger.access.policy_things import Item
from wharfinger.access.yaml_tree import Tree
from wharfinger.meta import policy_sections as rows
from wharfinger.meta.policies import Stored
from wharfinger.meta.policy_sections import EMPTY

Bodies = Mapping[str, str]
"""What is stored, by word: JSON lists."""


def no_effect(_tx: Connection, _before: Item | None, _after: Item | None, _whole: Sequence[Item]) -> str:
    """The effect of a section that nobody goes by yet."""
    return ""


def no_reaction(_tx: Connection, _now: float) -> None:
    """What follows from writing a section that is looked at each time."""


def no_principals(_item: Item) -> Iterable[tuple[str, str]]:
    """The principals of a section that names none."""
    return ()


@dataclass(frozen=True, slots=True)
class Section:
    """What another part of the registry brings.

    ``read`` takes its part of a file; ``words`` says a thing in one line; ``effect`` what a change of it does, from
    what is stored and from all things of the section as they will be; ``principals`` gives (key, name) for whom it
    names, so that a name nobody has is found; ``written`` is called in the transaction that writes the section.
    """

    word: str
    noun: str
    read: Callable[[Reading, Tree, str], tuple[Item, ...]]
    words: Callable[[Item], str]
    effect: Callable[[Connection, Item | None, Item | None, Sequence[Item]], str] = no_effect
    principals: Callable[[Item], Iterable[tuple[str, str]]] = no_principals
    written: Callable[[Connection, float], None] = no_reaction

    def items(self, body: str) -> tuple[Item, ...]:
        """The things that are stored."""
        return tuple(item(self.noun, fields) for fields in json.loads(body))


def item(noun: str, fields: Mapping[str, object]) -> Item:
    """A thing of these fields, one of which is its name."""
    return Item(noun, str(fields["name"]), json.dumps(fields))


def readers(sections: Iterable[Section]) -> Readers:
    """Who reads what in a file."""
    return {section.word: section.read for section in sections}


def present(sections: Iterable[Section], bodies: Bodies) -> dict[str, list[object]]:
    """What is, as a file would say it."""
    return {section.word: json.loads(bodies.get(section.word, EMPTY)) for section in sections}


def joined(plan: Plan, policy: Policy, sections: Sequence[Section], bodies: Bodies, stored: Stored) -> Plan:
    """The plan with what the sections add to it. Its effects are for :func:`with_effects` to say."""
    made, kept, after = list(plan.changes), list(plan.kept), {}
    for section in sections:
        if section.word not in policy.beside:
            continue
        there, wanted = section.items(bodies.get(section.word, EMPTY)), policy.beside[section.word]
        changes = list(_differences(section, wanted, there))
        own = [change for change in changes if plan.prune or change.kind is not Kind.REMOVE]
        if own:
            names = {each.name for each in wanted}
            left = () if plan.prune else tuple(each for each in there if each.name not in names)
            after[section.word] = json.dumps([each.plain for each in (*wanted, *left)])
        made += own
        kept += [change for change in changes if change not in own]
    problems = (*plan.problems, *_problems(policy, sections, made, stored))
    hash = _hash(plan.hash, bodies, after)
    return replace(plan, changes=tuple(made), kept=tuple(kept), problems=problems, hash=hash, sections=after)


def with_effects(tx: Connection, plan: Plan, sections: Sequence[Section]) -> Plan:
    """The same plan, in which each change of a section says what it does."""
    by_noun = {section.noun: section for section in sections}

    def told(change: Change) -> Change:
        section = by_noun.get(change.noun)
        if section is None or not isinstance(change.thing, Item):
            return change
        before, after = (each if isinstance(each, Item) else None for each in (change.before, change.after))
        body = plan.sections.get(section.word)
        whole = section.items(rows.read(tx, section.word).text if body is None else body)
        if after is None:  # without prune it stays, and what is told is what removing it would do
            whole = tuple(each for each in whole if each.name != change.thing.name)
        return replace(change, effect=section.effect(tx, before, after, whole))

    return replace(plan, changes=tuple(map(told, plan.changes)), kept=tuple(map(told, plan.kept)))


def _differences(section: Section, wanted: Sequence[Item], there: Sequence[Item]) -> Iterator[Change]:
    before, after = ({each.name: each for each in side} for side in (there, wanted))
    for name, each in after.items():
        was = before.get(name)
        if was is None:
            yield Change(Kind.ADD, None, each, section.words(each), "")
        elif was != each:
            text = f"{section.words(each)}, before: {section.words(was)}"
            yield Change(Kind.CHANGE, was, each, text, "")
    order, new_order = ([name for name in side if name in before and name in after] for side in (before, after))
    if order != new_order:
        was, is_ = (Item(f"{section.noun}_order", "", json.dumps({"order": names})) for names in (order, new_order))
        text = f"order of {section.word}: {', '.join(new_order)}"
        yield Change(Kind.CHANGE, was, is_, text, "they are looked at in this order")
    for name, each in before.items():
        if name not in after:
            yield Change(Kind.REMOVE, each, None, section.words(each), "")


def _problems(
    policy: Policy, sections: Sequence[Section], changes: Iterable[Change], stored: Stored
) -> Iterator[Problem]:
    """Names that nobody has, in what is new: what is there already may name who has gone."""
    known = _principals(policy, stored)
    new = {id(change.after) for change in changes}
    for section in sections:
        for number, each in enumerate(policy.beside.get(section.word, ())):
            for key, name in section.principals(each) if id(each) in new else ():
                if name not in known:
                    path = f"{section.word}[{number}].{key}"
                    yield Problem(policy.access.places.get(path), path, f"{name} is not known")


def _principals(policy: Policy, stored: Stored) -> set[str]:
    groups = {*stored.groups, *(policy.access.groups or ())}
    accounts = {*(account.name for account in stored.everything.accounts), *(policy.access.services or ())}
    return accounts | {f"{GROUP}{group}" for group in groups}


def _hash(access: str, bodies: Bodies, after: Bodies) -> str:
    return hashlib.sha256(json.dumps([access, dict(bodies), dict(after)], sort_keys=True).encode()).hexdigest()
