"""Alpine's secdb as JSON: per release and repository, which version of a package has mended what. Pure.

{"distroversion": "v3.15", "reponame": "main", "packages": [{"pkg": {"name": "sh", "secfixes": {"4.4-r1": ["CVE-…"]}}}]}

A fix in version 0 says that Alpine's package never had it.
"""

import re
from collections import defaultdict
from collections.abc import Iterator

import msgspec

from wharfinger.scanning.advisories.native.native import Affected, Native, first
from wharfinger.scanning.advisories.records import Advisory, Record, RecordInvalid

_CVE = re.compile(r"CVE-[0-9]{4}-[0-9]{4,}")
_ID = re.compile(r"[A-Z][A-Za-z0-9]*-[A-Za-z0-9._-]{1,60}")
_RELEASE = re.compile(r"v[0-9]{1,3}\.[0-9]{1,3}")


class _Package(msgspec.Struct, gc=False):
    name: str
    secfixes: dict[str, list[str] | None] | None = None


class _Entry(msgspec.Struct, gc=False):
    pkg: _Package


class _Database(msgspec.Struct, gc=False):
    distroversion: str
    reponame: str
    packages: list[_Entry] | None = None


_DECODER = msgspec.json.Decoder(_Database)


def recognise(data: bytes) -> Native | None:
    """A file of the secdb, by its names."""
    if b'"distroversion"' not in data or b'"reponame"' not in data:
        return None
    try:
        database = _DECODER.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RecordInvalid(f"not as Alpine's secdb is written: {error}") from error
    if not _RELEASE.fullmatch(database.distroversion):
        raise RecordInvalid(f"{database.distroversion[:20]!r} is no release of Alpine")
    return Native(f"Alpine {database.distroversion} {database.reponame[:20]}", _records(database))


def _records(database: _Database) -> Iterator[Record]:
    about: dict[str, Affected] = defaultdict(Affected)
    for entry in database.packages or ():
        for version, names in (entry.pkg.secfixes or {}).items():
            # Several stand in one text: "CVE-2019-5481 CVE-2019-5482", and "CVE-2017-2616 (+ regression fix)".
            for name in {word for text in names or () for word in text.split() if _ID.fullmatch(word)}:
                about[name].add(f"Alpine:{database.distroversion}", entry.pkg.name, version.strip())
    for name in sorted(about):
        affected = about[name]
        covers, aliases = ((name,), ()) if _CVE.fullmatch(name) else ((), (name,))
        yield Record(
            Advisory(f"ALPINE-{name}", aliases=aliases, covers=covers),
            intervals=tuple(affected.intervals),
            problems=first(affected.problems),
        )
