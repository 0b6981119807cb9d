"""Advisories about one package, folded into vulnerabilities. Pure."""

import re
from collections.abc import Iterable, Sequence

from wharfinger.scanning.advisories.known import Hit

_CVE = re.compile(r"CVE-([0-9]{4})-([0-9]+)")


def fold(hits: Iterable[Hit]) -> list[tuple[frozenset[str], Sequence[Hit]]]:
    """Each vulnerability with all its names and the advisories about it.

    Names that stand together as aliases in any of the advisories are one, and so on through the next. An advisory that
    covers others is beside each of them, and its own id is no name of theirs.
    """
    groups: list[tuple[set[str], list[Hit]]] = []
    for hit in hits:
        for names in _named(hit):
            joined = [group for group in groups if not group[0].isdisjoint(names)]
            groups = [group for group in groups if group[0].isdisjoint(names)]
            all_names = names.union(*(group[0] for group in joined))
            groups.append((all_names, [*(each for group in joined for each in group[1]), hit]))
    return sorted(((frozenset(names), found) for names, found in groups), key=lambda each: main_name(each[0]))


def _named(hit: Hit) -> list[set[str]]:
    advisory = hit.advisory
    return [{cover} for cover in advisory.covers] or [{advisory.id, *advisory.aliases}]


def main_name(names: Iterable[str]) -> str:
    """The oldest CVE, or else the first id."""
    return min(names, key=_rank)


def _rank(name: str) -> tuple[int, int, int, str]:
    match = _CVE.fullmatch(name)
    return (0, int(match[1]), int(match[2]), name) if match else (1, 0, 0, name)
