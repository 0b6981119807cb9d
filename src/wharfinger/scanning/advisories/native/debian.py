"""Debian's security tracker (``tracker/data/json``): what is fixed where, and what Debian does about the rest. Pure.

{"openssl": {"CVE-2023-5678": {"releases": {"bullseye": {"status": "open", "nodsa": "Minor issue"}}}}}
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping

import msgspec

from wharfinger.scanning.advisories.native.native import Affected, Native, first
from wharfinger.scanning.advisories.ratings import in_words
from wharfinger.scanning.advisories.records import Advisory, Record, RecordInvalid
from wharfinger.scanning.findings import Rating, State

_CVE = re.compile(r"CVE-[0-9]{4}-[0-9]{4,}")
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]{0,199}")
_NUMBERS: Mapping[str, str] = {
    "wheezy": "7", "jessie": "8", "stretch": "9", "buster": "10", "bullseye": "11", "bookworm": "12", "trixie": "13",
    "forky": "14", "duke": "15",
}  # fmt: skip
"""By codename; unstable has no release, and no image of one is told by it."""


class _Release(msgspec.Struct, gc=False):
    status: str = ""
    fixed_version: str | None = None
    urgency: str | None = None
    nodsa: str | None = None
    nodsa_reason: str | None = None


class _Vulnerability(msgspec.Struct, gc=False):
    releases: dict[str, _Release] | list[None] = {}  # an empty one is written as a list


_Tracker = dict[str, dict[str, _Vulnerability]]
_DECODER = msgspec.json.Decoder(_Tracker)
_BEGINS = re.compile(rb'\s*\{\s*"[a-z0-9][a-z0-9+.-]*"\s*:\s*\{\s*"(CVE|TEMP)-[0-9A-F-]+"\s*:\s*\{')


def recognise(data: bytes) -> Native | None:
    """The tracker, by the package and the vulnerability that it begins with."""
    if not _BEGINS.match(data[:1000]):
        return None
    try:
        return Native("Debian tracker", _records(_DECODER.decode(data)))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RecordInvalid(f"not as Debian's tracker writes: {error}") from error


def _records(tracker: _Tracker) -> Iterator[Record]:
    about: dict[str, list[tuple[str, _Vulnerability]]] = defaultdict(list)
    for package, vulnerabilities in tracker.items():
        for name, vulnerability in vulnerabilities.items():
            if _CVE.fullmatch(name) and _PACKAGE.fullmatch(package):  # TEMP-… are names that do not last
                about[name].append((package, vulnerability))
    for name in sorted(about):
        yield _record(name, about[name])


def _record(cve: str, packages: list[tuple[str, _Vulnerability]]) -> Record:
    affected, levels = Affected(), set()
    for package, vulnerability in sorted(packages, key=lambda each: each[0]):
        releases = vulnerability.releases if isinstance(vulnerability.releases, dict) else {}
        for codename, release in sorted(releases.items()):
            if (number := _NUMBERS.get(codename)) is not None:
                fixed = release.fixed_version or None if release.status == "resolved" else None
                if release.status == "resolved" and fixed is None:
                    affected.problems.append(f"{package} is resolved in {codename[:20]} without a version")
                    continue
                affected.add(f"Debian:{number}", package, fixed, _state(release))
                levels.add(in_words(_urgency(release)))
    ratings = tuple(Rating("Debian", level, None, "distribution") for level in sorted(filter(None, levels)))
    advisory = Advisory(f"DEBIAN-{cve}", covers=(cve,), ratings=ratings)
    return Record(advisory, intervals=tuple(affected.intervals), problems=first(affected.problems))


def _state(release: _Release) -> State:
    """What Debian means to do about what is open."""
    if _urgency(release) == "end-of-life" or release.nodsa_reason == "ignored":
        return "wont-fix"
    if release.status == "undetermined":
        return "under-investigation"
    return "deferred" if release.nodsa is not None or release.nodsa_reason == "postponed" else "affected"


def _urgency(release: _Release) -> str:
    """The stars say that it was not Debian who said so."""
    return (release.urgency or "").rstrip("*")
