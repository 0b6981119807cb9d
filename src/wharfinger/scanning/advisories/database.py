"""A set of advisories in its file, opened for reading."""

import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

from wharfinger.errors import Refusal
from wharfinger.scanning.advisories.known import Hit
from wharfinger.scanning.advisories.records import Advisory
from wharfinger.scanning.findings import Rating, Severity

_REMEMBERED = 20_000
_NAMES_REMEMBERED = 8_192
_INTERVALS_REMEMBERED = 32
"""Of one name: most have few, and to look through these costs less than to ask for those that matter."""
_NAMES_AT_ONCE = 200


_INTERVALS = "SELECT low, high, record, fixed, state, stream, platforms FROM affected WHERE ecosystem = ? AND name = ?"
_IN_ORDER = "ORDER BY record, low"


class Damaged(Refusal):
    """There is a set of advisories, and it cannot be read."""


@dataclass(frozen=True, slots=True)
class _About:
    """What is said of a vulnerability beside the advisory that matched."""

    ratings: frozenset[Rating]
    exploited: date | None
    likelihood: float | None


class Advisories:
    """A finished file never changes, so that it is read without locks. One thread at a time; see ``known.Known``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
        self._db = sqlite3.connect(uri, uri=True, check_same_thread=False)
        self._db.execute("PRAGMA trusted_schema = OFF")
        self._decoder = msgspec.json.Decoder(Advisory)
        self._record = lru_cache(maxsize=_REMEMBERED)(self._read_record)
        self._about = lru_cache(maxsize=_REMEMBERED)(self._read_about)
        self._intervals = lru_cache(maxsize=_NAMES_REMEMBERED)(self._read_intervals)

    def close(self) -> None:
        self._intervals.cache_clear()
        self._record.cache_clear()
        self._about.cache_clear()
        self._db.close()

    @cached_property
    def sha256(self) -> str:
        rows = self._rows("SELECT value FROM fact WHERE name = 'sha256'")
        if not rows:
            raise Refusal(f"{self.path} is no finished set of advisories")
        return str(rows[0][0])

    @cached_property
    def sources(self) -> Mapping[str, int]:
        sql = "SELECT s.name, count(*) FROM record r JOIN source s ON s.id = r.source GROUP BY s.id ORDER BY s.name"
        return MappingProxyType(dict(self._rows(sql)))

    @cached_property
    def licences(self) -> Mapping[str, str]:
        """Under which terms each source is given out."""
        return MappingProxyType(dict(self._rows("SELECT name, licence FROM source ORDER BY name")))

    @cached_property
    def enrichments(self) -> Mapping[str, tuple[str, int]]:
        """What there is beside advisories: of which kind, and how many entries."""
        rows = self._rows("SELECT name, kind, entries FROM enrichment ORDER BY name")
        return MappingProxyType({name: (kind, entries) for name, kind, entries in rows})

    @cached_property
    def ecosystems(self) -> frozenset[str]:
        return frozenset(self._ecosystems)

    @cached_property
    def _ecosystems(self) -> Mapping[str, int]:
        sql = "SELECT name, id FROM ecosystem e WHERE EXISTS (SELECT 1 FROM affected WHERE ecosystem = e.id)"
        return dict(self._rows(sql))

    def _rows(self, sql: str, values: Sequence[object] = ()) -> list[Any]:
        try:
            return self._db.execute(sql, values).fetchall()
        except sqlite3.DatabaseError as error:
            raise self._damaged(error) from error

    @contextmanager
    def _sound(self) -> Iterator[None]:
        """What is in the rows is what we put there."""
        try:
            yield
        except (msgspec.MsgspecError, ValueError, TypeError, AttributeError) as error:
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> Damaged:
        return Damaged(f"{self.path} is damaged, bring the advisories in again: {str(error)[:200]}")

    def hits(self, ecosystem: str, name: str, place: bytes) -> Sequence[Hit]:
        few = self._intervals(ecosystem, name)
        if few is None:
            rows = self._rows(
                f"{_INTERVALS} AND low <= ? AND high > ? {_IN_ORDER}", (*self._key(ecosystem, name), place, place)
            )
        else:
            rows = [each for each in few if each[0] <= place < each[1]]
        return [
            Hit(*self._record(record), high, fixed, state, stream, _platforms(platforms))
            for _, high, record, fixed, state, stream, platforms in rows
        ]

    def _read_intervals(self, ecosystem: str, name: str) -> Sequence[Any] | None:
        """All that is said of versions of the package; None where that is much."""
        sql = f"{_INTERVALS} {_IN_ORDER} LIMIT ?"
        rows = self._rows(sql, (*self._key(ecosystem, name), _INTERVALS_REMEMBERED + 1))
        return rows if len(rows) <= _INTERVALS_REMEMBERED else None

    def _key(self, ecosystem: str, name: str) -> tuple[int | None, str]:
        return self._ecosystems.get(ecosystem), name

    def _read_record(self, id: int) -> tuple[str, Advisory]:
        sql = "SELECT s.name, r.facts FROM record r JOIN source s ON s.id = r.source WHERE r.id = ?"
        with self._sound():
            ((source, facts),) = self._rows(sql, (id,))
            return source, self._decoder.decode(facts)

    def names_ending(self, ecosystem: str, end: str) -> Sequence[str]:
        sql = "SELECT DISTINCT name FROM affected WHERE ecosystem = ? AND substr(name, -?) = ? ORDER BY name"
        rows = self._rows(sql, (self._ecosystems.get(ecosystem), len(end), end))
        return [name for (name,) in rows]

    def other_names(self, ecosystem: str, name: str, ids: Collection[str]) -> frozenset[str]:
        found: set[str] = set(ids)
        waiting = set(ids)
        sql = (
            "SELECT DISTINCT n.record FROM named n JOIN affected a ON a.record = n.record"
            " WHERE n.name = ? AND a.ecosystem = ? AND a.name = ?"
        )
        while waiting and len(found) < _NAMES_AT_ONCE:
            rows = self._rows(sql, (waiting.pop(), self._ecosystems.get(ecosystem), name))
            advisories = [self._record(record)[1] for (record,) in rows]
            new = {each for a in advisories if not a.covers for each in (a.id, *a.aliases)} - found
            found |= new
            waiting |= new
        return frozenset(found)

    def ratings(self, ids: Collection[str]) -> Sequence[Rating]:
        found = {rating for id in ids for rating in self._about(id).ratings}
        return sorted(found, key=lambda each: (each.source, each.kind, each.severity, each.vector or ""))

    def exploited(self, ids: Collection[str]) -> date | None:
        return min((day for id in ids if (day := self._about(id).exploited)), default=None)

    def likelihood(self, ids: Collection[str]) -> float | None:
        scores = (self._about(id).likelihood for id in ids)
        return max((score for score in scores if score is not None), default=None)

    def _read_about(self, id: str) -> _About:
        sql = "SELECT source, severity, vector, kind FROM rating WHERE vulnerability = ?"
        with self._sound():
            ratings = {Rating(s, Severity(level), v, k) for s, level, v, k in self._rows(sql, (id,))}
            for (record,) in self._rows("SELECT record FROM named WHERE name = ?", (id,)):
                ratings |= _of_others(self._record(record)[1])
            ((day,),) = self._rows("SELECT min(day) FROM exploited WHERE vulnerability = ?", (id,))
            ((score,),) = self._rows("SELECT max(score) FROM likelihood WHERE vulnerability = ?", (id,))
            return _About(frozenset(ratings), None if day is None else date.fromisoformat(day), score)

    def end_of_life(self, distribution: str, release: str) -> date | None:
        sql = "SELECT max(day) FROM ends WHERE distribution = ? AND release = ?"
        ((day,),) = self._rows(sql, (distribution, release))
        with self._sound():
            return None if day is None else date.fromisoformat(day)


def _of_others(advisory: Advisory) -> set[Rating]:
    """Of an advisory about one vulnerability; what an erratum says of ten together is not said of each."""
    if len(advisory.covers) > 1:
        return set()
    return {replace(r, kind="other") if r.kind in {"distribution", "advisory"} else r for r in advisory.ratings}


def _platforms(text: str | None) -> tuple[tuple[str, str], ...]:
    pairs = (each.partition("/") for each in text.split(" ")) if text else ()
    return tuple((system, machine) for system, _, machine in pairs)
