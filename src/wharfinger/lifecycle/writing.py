"""Policies as plain data, and as YAML: what :mod:`parsing` and :mod:`reading` read as the same."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import yaml

from wharfinger.lifecycle import conditions, facts
from wharfinger.lifecycle.conditions import Condition, Group
from wharfinger.lifecycle.rules import Policy, Rule
from wharfinger.lifecycle.units import duration_written, size_written, written


def text(policies: Iterable[Policy]) -> str:
    """A whole ``policy.yaml`` with these policies."""
    document = {"version": 1, "lifecycle": plain(policies)}
    dumped: str = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=False, width=120)
    return dumped


def plain(policies: Iterable[Policy]) -> list[dict[str, Any]]:
    """The policies as the ``lifecycle`` section has them."""
    return [policy(each) for each in policies]


def policy(each: Policy) -> dict[str, Any]:
    """One policy."""
    fields: dict[str, Any] = {"name": each.name, "repositories": each.repositories.plain()}
    fields |= {"binding": True} if each.binding else {}
    fields |= {"mode": each.mode} if each.mode != "active" else {}
    fields |= {"ceiling": f"{each.ceiling}%"} if each.ceiling is not None else {}
    fields |= {"schedule": each.schedule} if each.schedule is not None else {}
    fields |= {"trash": duration_written(each.trash)} if each.trash is not None else {}
    fields |= {"brownout": duration_written(each.brownout)} if each.brownout is not None else {}
    return fields | {"rules": [rule(one) for one in each.rules]}


def rule(each: Rule) -> dict[str, Any]:
    """One rule."""
    return {each.action: group(each.group)} | ({"name": each.name} if each.name is not None else {})


def group(each: Group) -> dict[str, Any]:
    """The conditions of one group."""
    fields = {condition.key: _VALUES[type(condition)](condition) for condition in each.conditions}
    for condition in each.conditions:
        if isinstance(condition, facts.Severity) and condition.scanners is not None:
            fields["scanners"] = sorted(condition.scanners)
    if each.newest is not None:
        fields["newest"] = each.newest.count
        fields |= {"by": each.newest.by} if each.newest.by != "tagged" else {}
        fields |= {"per": each.newest.per} if each.newest.per is not None else {}
    return fields


def _selector(condition: Any) -> Any:
    return condition.selector.plain()


def _wanted(condition: Any) -> Any:
    return condition.wanted


def _length(condition: Any) -> Any:
    return duration_written(condition.length)


def _size(condition: Any) -> Any:
    return size_written(condition.size)


def _groups(condition: Any) -> Any:
    return [group(each) for each in condition.groups]


_VALUES: Mapping[type[Condition], Callable[[Any], Any]] = {
    conditions.Tags: _selector,
    conditions.AllTags: _selector,
    conditions.Untagged: _wanted,
    conditions.UntaggedFor: _length,
    conditions.UntaggedAfter: lambda condition: written(condition.moment),
    facts.Repositories: _selector,
    facts.Digest: _selector,
    conditions.Protected: _wanted,
    conditions.Age: _length,
    conditions.NeverPulled: _wanted,
    facts.LargerThan: _size,
    facts.SmallerThan: _size,
    facts.Words: lambda condition: {name: selector.plain() for name, selector in condition.wanted},
    facts.Platform: _selector,
    facts.ArtifactType: _selector,
    facts.HasSubject: _wanted,
    facts.Severity: lambda condition: condition.level,
    conditions.All: _groups,
    conditions.Any: _groups,
    conditions.Not: lambda condition: group(condition.group),
}

_Base: type = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Dumper(_Base):  # type: ignore[misc]  # one of two classes, by what the library was built with
    """Writes everything out, without aliases."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002
        return True
