"""OSV records, from whichever database: Debian, Ubuntu, Alpine, AlmaLinux, Rocky, Red Hat, and the languages. Pure.

Read as it is found in the wild: what one part of a record gets wrong costs that part, and is told; a record without a
usable id is refused. Ranges of commits say nothing about versions and are passed over.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any

import msgspec

from wharfinger.scanning.advisories import ratings
from wharfinger.scanning.advisories.records import Advisory, Interval, Record, RecordInvalid
from wharfinger.scanning.findings import State
from wharfinger.scanning.versions.encoding import BEYOND, FIRST, VersionInvalid, after, unordered
from wharfinger.scanning.versions.schemes import DISTRIBUTIONS, Key, scheme

AFFECTED_AT_MOST = 20_000
NAMES_AT_MOST = 5_000
EVENTS_AT_MOST = 5_000
VERSIONS_AT_MOST = 50_000
PROBLEMS_AT_MOST = 5

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:+-]{0,199}")
_CVE = re.compile(r"CVE-[0-9]{4}-[0-9]+")
_OWN = re.compile(r"[A-Z]+-(CVE-[0-9]{4}-[0-9]+)")
_STREAM = re.compile(r"(?<![\w.:+-])([a-z0-9][\w.+-]*):([\w.+-]+)(?= |,|$)")
_FROM_THE_BEGINNING = {"introduced": "0"}
# These list the CVEs of an erratum as related, not as upstream.
_RELATED = frozenset(("AlmaLinux", "Rocky Linux", "Red Hat"))

_STATES: Mapping[str, State] = {
    "end-of-life": "wont-fix",
    "ignored": "wont-fix",
    "will not fix": "wont-fix",
    "wont-fix": "wont-fix",
    "no-dsa": "deferred",
    "postponed": "deferred",
    "deferred": "deferred",
    "fix deferred": "deferred",
    "under investigation": "under-investigation",
    "under-investigation": "under-investigation",
    "undetermined": "under-investigation",
}


class Document(msgspec.Struct, gc=False):
    """What is read of a record; prose and links, which are most of it, are passed over by the decoder."""

    id: Any = None
    modified: Any = None
    published: Any = None
    withdrawn: Any = None
    aliases: Any = None
    upstream: Any = None
    related: Any = None
    summary: Any = None
    severity: Any = None
    affected: Any = None
    database_specific: Any = None
    ecosystem_specific: Any = None

    @property
    def is_one(self) -> bool:
        """Whether this JSON means to be an OSV record; other JSON is nobody's mistake."""
        return self.id is not None and (self.affected is not None or self.modified is not None)


def parse(raw: Document) -> Record:
    """The record. Raises RecordInvalid."""
    id = raw.id
    if not isinstance(id, str) or not _ID.fullmatch(id):
        raise RecordInvalid("its id is none")
    affected = _list(raw.affected, "affected")
    if len(affected) > AFFECTED_AT_MOST:
        raise RecordInvalid(f"more than {AFFECTED_AT_MOST} affected packages")
    problems: list[str] = []
    withdrawn = bool(raw.withdrawn)
    intervals = [] if withdrawn else [found for each in affected for found in _intervals(each, raw, problems)]
    return Record(
        _advisory(id, raw, affected), withdrawn, tuple(intervals), tuple(dict.fromkeys(problems))[:PROBLEMS_AT_MOST]
    )


def _advisory(id: str, raw: Document, affected: Iterable[Any]) -> Advisory:
    bases = {ecosystem.partition(":")[0] for ecosystem in {_ecosystem(each) for each in affected}}
    distribution = bool(bases & DISTRIBUTIONS)
    aliases = [name for name in _names(raw.aliases, "aliases") if name != id]
    covers = _cves(_names(raw.upstream, "upstream"))
    if not covers and bases & _RELATED:
        covers = _cves(_names(raw.related, "related"))
    if distribution and len(_cves(aliases)) > 1:
        # An erratum that mends several is not another name of each, or they would all be one.
        covers, aliases = [*covers, *_cves(aliases)], []
    if not covers and not aliases and (own := _OWN.fullmatch(id)):
        covers = [own[1]]
    return Advisory(
        id=id,
        aliases=tuple(aliases),
        covers=tuple(dict.fromkeys(covers)),
        summary=raw.summary[:300] if isinstance(raw.summary, str) else "",
        published=_date(raw.published),
        ratings=ratings.of_parts(id, _rated(raw), affected, distribution=distribution),
    )


def _cves(names: Iterable[str]) -> list[str]:
    return [name for name in names if _CVE.fullmatch(name)]


def _rated(raw: Document) -> Mapping[str, Any]:
    names = ("severity", "database_specific", "ecosystem_specific", "summary")
    return {name: getattr(raw, name) for name in names}


def _list(value: Any, name: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise RecordInvalid(f"{name} is no list")
    return value


def _names(value: Any, name: str) -> list[str]:
    values = _list(value, name)
    if len(values) > NAMES_AT_MOST:
        raise RecordInvalid(f"more than {NAMES_AT_MOST} {name}")
    return [value for value in values if isinstance(value, str) and _ID.fullmatch(value)]


def _ecosystem(affected: Any) -> str:
    package = affected.get("package") if isinstance(affected, dict) else None
    ecosystem = package.get("ecosystem") if isinstance(package, dict) else None
    return ecosystem if isinstance(ecosystem, str) else ""


def _date(text: object) -> date | None:
    """Go's records say 0001-01-01 for not known."""
    try:
        found = date.fromisoformat(text[:10]) if isinstance(text, str) else None
    except ValueError:
        return None
    return None if found is None or found.year < 1980 else found


def _intervals(affected: Any, record: Document, problems: list[str]) -> Iterator[Interval]:
    package = affected.get("package") if isinstance(affected, dict) else None
    if not isinstance(package, dict):
        return  # about commits alone
    ecosystem, name = package.get("ecosystem"), package.get("name")
    if not isinstance(ecosystem, str) or not isinstance(name, str) or not name or len(ecosystem) > 200:
        problems.append("a package without a name or an ecosystem")
        return
    key = scheme(ecosystem)
    if key is None:
        problems.append(f"the ecosystem {ecosystem[:60]} is not known")
        return
    name, state = canonical(ecosystem, name), _state(affected)
    platforms = _platforms(affected) if ecosystem == "Go" else ()
    ranges = list(_ranges(affected, key, problems))
    for low, high, fixed in ranges:
        stream = _stream(record) if fixed and ".module" in fixed else None
        yield Interval(ecosystem, name, low, high, fixed, "fixed" if fixed else state, stream, platforms)
    for point in _points(affected, key, ranges):
        yield Interval(ecosystem, name, point, after(point), None, state, None, platforms)


def canonical(ecosystem: str, name: str) -> str:
    """The one spelling of a package's name, where an ecosystem takes several for the same."""
    base = ecosystem.partition(":")[0]
    if base == "PyPI":
        return re.sub(r"[-_.]+", "-", name).lower()
    return name.lower() if base in {"NuGet", "Packagist"} else name


def _state(affected: Mapping[str, Any]) -> State:
    for name in ("ecosystem_specific", "database_specific"):
        inner = affected.get(name)
        for word in (inner.get("status"), inner.get("urgency")) if isinstance(inner, dict) else ():
            if isinstance(word, str) and (state := _STATES.get(word.strip().lower())):
                return state
    return "affected"


def _platforms(affected: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Where the vulnerable code is built at all; nothing when one of its packages is built everywhere."""
    specific = affected.get("ecosystem_specific")
    imports = specific.get("imports") if isinstance(specific, dict) else None
    found: set[tuple[str, str]] = set()
    for each in imports if isinstance(imports, list) else ():
        systems, machines = (_words(each, key) or [""] for key in ("goos", "goarch"))
        if systems == [""] and machines == [""]:
            return ()
        found |= {(system, machine) for system in systems for machine in machines}
    return tuple(sorted(found))


def _words(raw: Any, key: str) -> list[str]:
    values = raw.get(key) if isinstance(raw, dict) else None
    return [value for value in values if isinstance(value, str)] if isinstance(values, list) else []


def _stream(record: Document) -> str:
    """AlmaLinux, Rocky and Red Hat name the module streams in the summary alone."""
    found = _STREAM.findall(record.summary[:1000]) if isinstance(record.summary, str) else []
    return " ".join(f"{name}:{stream}" for name, stream in found) or "*"


def _ranges(affected: Mapping[str, Any], key: Key, problems: list[str]) -> Iterator[tuple[bytes, bytes, str | None]]:
    for each in _list(affected.get("ranges"), "ranges"):
        if not isinstance(each, dict) or each.get("type") == "GIT":
            continue
        events = _list(each.get("events"), "events")
        if len(events) > EVENTS_AT_MOST:
            problems.append(f"a range with more than {EVENTS_AT_MOST} events")
            continue
        try:
            fixed = _fixed_alone(events)
            if fixed is not None:
                yield FIRST, key(fixed), fixed
            else:
                yield from _pairs(sorted(_event(event, key) for event in events))
        except VersionInvalid as invalid:
            problems.append(f"a range with a bound that is no version: {invalid}")


def _fixed_alone(events: list[Any]) -> str | None:
    """The bound of a range from the beginning to a fix, which nine of ten are and which needs no sorting."""
    if len(events) != 2 or events[0] != _FROM_THE_BEGINNING or not isinstance(events[1], dict):
        return None
    fixed = events[1].get("fixed")
    return fixed if isinstance(fixed, str) and len(events[1]) == 1 and fixed != "0" else None


# At the same version a range ends before the next begins.
_ENDS, _BEGINS = 0, 1


def _event(event: Any, key: Key) -> tuple[bytes, int, str]:
    if not isinstance(event, dict) or len(event) != 1:
        raise VersionInvalid("not one event")
    ((kind, text),) = event.items()
    if not isinstance(text, str):
        raise VersionInvalid("not a text")
    if kind == "introduced":
        return FIRST if text == "0" else key(text), _BEGINS, ""
    if kind == "fixed":
        # As Alpine says that a package never was affected.
        return FIRST if text == "0" else key(text), _ENDS, text
    if kind == "last_affected":
        return after(key(text)), _ENDS, ""
    if kind == "limit":
        return BEYOND if text == "*" else key(text), _ENDS, ""
    raise VersionInvalid(f"an event called {kind[:20]!r}")


def _pairs(events: list[tuple[bytes, int, str]]) -> Iterator[tuple[bytes, bytes, str | None]]:
    """From events in their order to half-open intervals."""
    if any(place == FIRST and kind == _ENDS for place, kind, _ in events):
        return
    low: bytes | None = None
    for place, kind, text in events:
        if kind == _BEGINS:
            low = place if low is None else low
        elif low is not None:
            if low < place:
                yield low, place, text or None
            low = None
    if low is not None:
        yield low, BEYOND, None


def _points(affected: Mapping[str, Any], key: Key, ranges: list[tuple[bytes, bytes, str | None]]) -> Iterator[bytes]:
    """Versions that are listed and in none of the ranges: what is listed is affected, whatever the ranges say."""
    versions = _list(affected.get("versions"), "versions")
    if len(versions) > VERSIONS_AT_MOST:
        raise RecordInvalid(f"more than {VERSIONS_AT_MOST} versions")
    for version in versions:
        if isinstance(version, str):
            place = key_or_unordered(version, key)
            for low, high, _ in ranges:
                if low <= place < high:
                    break
            else:
                yield place


def key_or_unordered(version: str, key: Key) -> bytes:
    """The place of a version, or for one that has none a place of its own, beyond every range."""
    try:
        return key(version)
    except VersionInvalid:
        return unordered(version)
