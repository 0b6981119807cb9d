"""A foreign policy in our words: rules as they stand under ``lifecycle:``, each with what the vendor calls it."""

import re
from dataclasses import dataclass
from typing import Literal

Group = dict[str, object]
"""Conditions as in YAML: ``{"tags": "prod-*", "newest": 10}``."""

Verb = Literal["keep", "delete", "untag"]
Origin = str | int | None
"""What the vendor calls the rule: ECR's rulePriority is a number, all others have names."""


@dataclass(frozen=True, slots=True)
class Made:
    """One of our rules. ``name`` is ours: several of our rules may come from one of theirs."""

    name: str
    verb: Verb
    group: Group
    origin: Origin

    def plain(self) -> dict[str, object]:
        return {"name": self.name, self.verb: self.group}


@dataclass(frozen=True, slots=True)
class Translation:
    """Decides exactly as the vendor's policy does; ``warnings`` say where the vendor itself may do otherwise."""

    name: str
    rules: tuple[Made, ...]
    warnings: tuple[str, ...] = ()
    observed: bool = False

    def plain(self, repositories: tuple[str, ...] = ("**",)) -> dict[str, object]:
        """The policy as one entry of the list ``lifecycle``. One without rules keeps everything."""
        mode: dict[str, object] = {"mode": "observe"} if self.observed else {}
        rules = [rule.plain() for rule in self.rules] or [{"name": "all", "keep": {}}]
        return {"name": self.name, "repositories": list(repositories), **mode, "rules": rules}

    def origin(self, rule: str | None) -> Origin:
        """The vendor's name for one of our rules."""
        return next((made.origin for made in self.rules if made.name == rule), None)


_NAME = re.compile(r"[0-9A-Za-z_][0-9A-Za-z_ .:@+-]{0,127}")


def named(theirs: str, number: int) -> str:
    """What we call a rule of which we make one: as they do, where our language has such names."""
    return theirs if _NAME.fullmatch(theirs) else f"rule-{number}"


_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}


def duration(seconds: int) -> str:
    """As our language writes it, in the largest unit that fits."""
    unit = next(unit for unit, length in _UNITS.items() if seconds % length == 0)
    return f"{seconds // _UNITS[unit]}{unit}"
