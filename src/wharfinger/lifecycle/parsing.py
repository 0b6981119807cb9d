"""Policies from plain data, as YAML and JSON give it. Everything that is wrong is found at once, each with its path.

``CONDITIONS`` has every word that a group may have: what reads it, and what JSON Schema says of it.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any, TypeVar, get_args

from wharfinger import select
from wharfinger.errors import RequestInvalid
from wharfinger.lifecycle import conditions, facts, schedules, units
from wharfinger.lifecycle.conditions import Age, By, Condition, Group, Newest, What
from wharfinger.lifecycle.images import SCANNER
from wharfinger.lifecycle.rules import Action, Mode, Policy, Rule
from wharfinger.select.parsing import Of
from wharfinger.select.selectors import Selector

T = TypeVar("T")

POLICIES_AT_MOST = 1000
RULES_AT_MOST = 1000
GROUPS_AT_MOST = 40
"""How deep groups may be nested."""
COUNT_AT_MOST = 1_000_000_000
SCANNERS_AT_MOST = 20

ACTIONS: tuple[Action, ...] = get_args(Action)
MODES: tuple[Mode, ...] = get_args(Mode)
BY: tuple[By, ...] = get_args(By)
PERCENT = re.compile(r"([0-9]|[1-9][0-9]|100)%", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_ .:@+-]{0,127}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Wrong:
    """One thing that is wrong, and where."""

    path: str
    problem: str

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}" if self.path else self.problem


def parse(data: object, path: str = "lifecycle") -> tuple[Policy, ...]:
    """The policies that ``data`` lists. Raises RequestInvalid with all that is wrong, one by one in ``detail``."""
    policies, wrong = collect(data, path)
    if wrong:
        told = [str(each) for each in wrong]
        raise RequestInvalid("; ".join(told[:20]), problems=told)
    return policies


def collect(data: object, path: str = "lifecycle") -> tuple[tuple[Policy, ...], list[Wrong]]:
    """The policies that can be read, and everything that is wrong."""
    parser = Parser()
    return parser.policies(data, path), parser.wrong


class Parser:
    """Reads one list of policies. Methods note what is wrong and answer None where the value is not usable."""

    def __init__(self) -> None:
        self.wrong: list[Wrong] = []
        self._names: dict[str, set[str]] = {"policy": set(), "rule": set()}

    def note(self, path: str, problem: str) -> None:
        self.wrong.append(Wrong(path, problem))

    def attempt(self, path: str, read: Callable[[], T]) -> T | None:
        """What ``read`` gives; a refusal is noted where it says, or here."""
        try:
            return read()
        except RequestInvalid as refused:
            self.note(refused.detail.get("path", path), refused.detail.get("problem", refused.message))
            return None

    def policies(self, data: object, path: str) -> tuple[Policy, ...]:
        items = self._list(data, path, POLICIES_AT_MOST, "policies")
        return tuple(found for item, at in items if (found := self._policy(item, at)) is not None)

    def _policy(self, data: object, path: str) -> Policy | None:
        fields = self.fields(data, path, POLICY_KEYS, ("name", "repositories", "rules"))
        name = self._name(fields.get("name"), f"{path}.name", "policy") if "name" in fields else None
        at = f"{path}.repositories"
        repositories = self.selector(fields["repositories"], at, "repository") if "repositories" in fields else None
        rules = tuple(self._rules(fields["rules"], f"{path}.rules")) if "rules" in fields else ()
        binding = self.flag(fields["binding"], f"{path}.binding") if "binding" in fields else False
        mode = self.word(fields["mode"], f"{path}.mode", MODES) if "mode" in fields else "active"
        ceiling = self._percent(fields["ceiling"], f"{path}.ceiling") if "ceiling" in fields else None
        schedule = self._schedule(fields["schedule"], f"{path}.schedule") if "schedule" in fields else None
        trash, brownout = (
            self.unit(fields[key], f"{path}.{key}", units.duration) if key in fields else None
            for key in ("trash", "brownout")
        )
        if name is None or repositories is None or mode is None:
            return None
        return Policy(name, repositories, rules, bool(binding), mode, ceiling, schedule, trash, brownout)

    def _percent(self, value: object, path: str) -> int | None:
        found = PERCENT.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            self.note(path, "want a part of a repository from 0% to 100%, like 20%")
        return int(found[1]) if found else None

    def _schedule(self, value: object, path: str) -> str | None:
        text = value if isinstance(value, str) else ""
        return self.attempt(path, lambda: schedules.checked(text))

    def _rules(self, data: object, path: str) -> Iterator[Rule]:
        for item, at in self._list(data, path, RULES_AT_MOST, "rules"):
            fields = self.fields(item, at, (*ACTIONS, "name"))
            actions = [action for action in ACTIONS if action in fields]
            if isinstance(item, Mapping) and len(actions) != 1:
                self.note(at, f"want exactly one of {', '.join(ACTIONS)}")
            name = self._name(fields["name"], f"{at}.name", "rule") if "name" in fields else None
            for action in actions:
                yield Rule(action, self.group(fields[action], f"{at}.{action}", 0), name)

    def _name(self, value: object, path: str, noun: str) -> str | None:
        text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
        if _NAME.fullmatch(text) is None:
            self.note(path, "want a name: letters, digits and _ - . : @ + or blanks, at most 128")
            return None
        if text in self._names[noun]:
            self.note(path, f"there are two {'policies' if noun == 'policy' else 'rules'} of the name {text}")
        self._names[noun].add(text)
        return text

    def group(self, data: object, path: str, depth: int) -> Group:
        """The conditions of a group."""
        if depth > GROUPS_AT_MOST:
            self.note(path, f"groups nested more than {GROUPS_AT_MOST} deep")
            return Group()
        found: list[Condition] = []
        fields = self.fields(data, path, GROUP_KEYS)
        for key, value in fields.items():
            if key in CONDITIONS:
                condition = CONDITIONS[key].read(self, value, f"{path}.{key}", depth)
                found += [] if condition is None else [condition]
        if "scanners" in fields:
            found = self._by_scanners(found, fields["scanners"], f"{path}.scanners")
        tags = next((each.selector for each in found if isinstance(each, conditions.Tags)), None)
        return Group(tuple(found), self._newest(fields, path, tags))

    def _by_scanners(self, found: list[Condition], value: object, path: str) -> list[Condition]:
        """The same, where severities go by what these scanners found."""
        names = value if isinstance(value, list | tuple) else [value]
        if not 0 < len(names) <= SCANNERS_AT_MOST:
            self.note(path, f"want at least one scanner and at most {SCANNERS_AT_MOST}")
        for each in names:
            if not isinstance(each, str) or re.fullmatch(SCANNER, each, re.ASCII) is None:
                self.note(path, "want the name of a scanner, as wharf scanner list shows it, or wharfinger")
        if not any(isinstance(each, facts.Severity) for each in found):
            self.note(path, "scanners says by whom a severity is, and there is none")
        of = frozenset(map(str, names))
        return [replace(each, scanners=of) if isinstance(each, facts.Severity) else each for each in found]

    def _newest(self, fields: Mapping[str, object], path: str, tags: Selector | None) -> Newest | None:
        if "newest" not in fields:
            for key in ("by", "per"):
                if key in fields:
                    self.note(f"{path}.{key}", f"{key} says something of newest, which is not there")
            return None
        count = self.count(fields["newest"], f"{path}.newest")
        by = self.word(fields["by"], f"{path}.by", BY) if "by" in fields else "tagged"
        per = fields.get("per")
        parts = ("major", "minor", *sorted(tags.named_parts if tags else ()))
        if per is not None:
            self.word(per, f"{path}.per", parts)
        return None if count is None or by is None else Newest(count, by, None if per is None else str(per))

    def groups(self, data: object, path: str, depth: int) -> tuple[Group, ...]:
        items = self._list(data, path, RULES_AT_MOST, "groups")
        return tuple(self.group(item, at, depth + 1) for item, at in items)

    def selector(self, value: object, path: str, of: Of = "text") -> Selector | None:
        return self.attempt(path, lambda: select.parse(value, path, of=of))

    def selectors(self, value: object, path: str) -> tuple[tuple[str, Selector], ...]:
        """Of each name, what its value must satisfy."""
        if not isinstance(value, Mapping) or not value:
            self.note(path, "want a mapping of at least one name to what its value must be")
            return ()
        found = [(str(key), self.selector(each, f"{path}.{key}")) for key, each in value.items()]
        return tuple((key, each) for key, each in found if each is not None)

    def flag(self, value: object, path: str) -> bool | None:
        if isinstance(value, bool):
            return value
        self.note(path, "want true or false")
        return None

    def count(self, value: object, path: str) -> int | None:
        text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
        if re.fullmatch("[1-9][0-9]{0,9}", text) and int(text) <= COUNT_AT_MOST:
            return int(text)
        self.note(path, f"want a number from 1 to {COUNT_AT_MOST}")
        return None

    def unit(self, value: object, path: str, read: Callable[[str], int]) -> int | None:
        """A duration or a size."""
        text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
        return self.attempt(path, lambda: read(text))

    def word(self, value: object, path: str, known: tuple[T, ...]) -> T | None:
        if value in known:
            return known[known.index(value)]
        self.note(path, f"want one of {', '.join(map(str, known))}")
        return None

    def fields(
        self, data: object, path: str, known: tuple[str, ...], required: tuple[str, ...] = ()
    ) -> dict[str, object]:
        """The values of a mapping with these keys and no others."""
        if not isinstance(data, Mapping):
            self.note(path, "want a mapping, that is lines of the form 'key: value'")
            return {}
        for key in data:
            if key not in known:
                close = get_close_matches(str(key), known, n=1)
                hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"
                self.note(f"{path}.{str(key)[:60]}", f"unknown key {str(key)[:60]!r}: {hint}")
        for key in required:
            if key not in data:
                self.note(path, f"{key} is missing")
        return {key: data[key] for key in known if key in data}

    def _list(self, data: object, path: str, most: int, noun: str) -> list[tuple[object, str]]:
        if not isinstance(data, list | tuple) or not data:
            self.note(path, "want a list" if not isinstance(data, list | tuple) else "an empty list says nothing")
            return []
        if len(data) > most:
            self.note(path, f"more than {most} {noun}")
        return [(item, f"{path}[{i}]") for i, item in enumerate(data[:most])]


Read = Callable[[Parser, Any, str, int], Condition | None]


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a group: what reads its value, and what a JSON Schema says of the value."""

    read: Read
    schema: Mapping[str, object]


SELECTOR = {"$ref": "#/$defs/selector"}
GROUP = {"$ref": "#/$defs/group"}
DURATION = {"$ref": "#/$defs/duration"}


def _made(kind: Callable[..., Condition], *values: object) -> Condition | None:
    return None if None in values else kind(*values)


def _selecting(kind: Callable[[Selector], Condition], of: Of = "text") -> Word:
    return Word(lambda parser, value, path, _: _made(kind, parser.selector(value, path, of)), SELECTOR)


def _wanting(kind: Callable[[bool], Condition]) -> Word:
    return Word(lambda parser, value, path, _: _made(kind, parser.flag(value, path)), {"type": "boolean"})


def _lasting(kind: Callable[[int], Condition]) -> Word:
    return Word(lambda parser, value, path, _: _made(kind, parser.unit(value, path, units.duration)), DURATION)


def _sized(kind: Callable[[int], Condition]) -> Word:
    size = {"$ref": "#/$defs/size"}
    return Word(lambda parser, value, path, _: _made(kind, parser.unit(value, path, units.size)), size)


def _worded(kind: str) -> Word:
    schema = {"type": "object", "minProperties": 1, "additionalProperties": SELECTOR}
    return Word(
        lambda parser, value, path, _: facts.Words(kind, parser.selectors(value, path)),  # type: ignore[arg-type]
        schema,
    )


def _severe(*, fixable: bool) -> Word:
    schema = {"enum": list(get_args(facts.Level))}
    return Word(
        lambda parser, value, path, _: _made(facts.Severity, parser.word(value, path, get_args(facts.Level)), fixable),
        schema,
    )


def _grouped(kind: Callable[[tuple[Group, ...]], Condition]) -> Word:
    schema = {"type": "array", "minItems": 1, "items": GROUP}
    return Word(lambda parser, value, path, depth: kind(parser.groups(value, path, depth)), schema)


def _age(what: What, *, within: bool) -> tuple[str, Word]:
    word = _lasting(lambda length: Age(what, within, length))
    return f"{what}_{'within' if within else 'before'}", word


CONDITIONS: Mapping[str, Word] = {
    "tags": _selecting(conditions.Tags, "tag"),
    "all_tags": _selecting(conditions.AllTags, "tag"),
    "untagged": _wanting(conditions.Untagged),
    "untagged_for": _lasting(conditions.UntaggedFor),
    "untagged_after": Word(
        lambda parser, value, path, _: _made(conditions.UntaggedAfter, parser.unit(value, path, units.moment)),
        {"type": "string", "format": "date-time"},
    ),
    "repositories": _selecting(facts.Repositories, "repository"),
    "digest": _selecting(facts.Digest, "digest"),
    "protected": _wanting(conditions.Protected),
    **dict(_age(what, within=within) for what in get_args(What) for within in (False, True)),
    "never_pulled": _wanting(conditions.NeverPulled),
    "larger_than": _sized(facts.LargerThan),
    "smaller_than": _sized(facts.SmallerThan),
    "labels": _worded("labels"),
    "annotations": _worded("annotations"),
    "platform": _selecting(facts.Platform),
    "artifact_type": _selecting(facts.ArtifactType),
    "has_subject": _wanting(facts.HasSubject),
    "severity": _severe(fixable=False),
    "fixable_severity": _severe(fixable=True),
    "all": _grouped(conditions.All),
    "any": _grouped(conditions.Any),
    "not": Word(lambda parser, value, path, depth: conditions.Not(parser.group(value, path, depth + 1)), GROUP),
}
POLICY_KEYS = ("name", "repositories", "rules", "binding", "mode", "ceiling", "schedule", "trash", "brownout")
GROUP_KEYS = (*CONDITIONS, "newest", "by", "per", "scanners")
