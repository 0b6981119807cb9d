"""``wharf advisories``: what is known of vulnerabilities, in a file of its own."""

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from wharfinger.cli.output import AsJson, clean, print_json, print_rows
from wharfinger.errors import Refusal

if TYPE_CHECKING:
    from wharfinger.scanning.advisories.reports import Imported, Skipped

advisories = App(name="advisories", help="What is known of vulnerabilities.")

SHOWN = 20
"""Skipped records that are shown, unless all are asked for."""

Database = Annotated[
    Path | None,
    Parameter(help="The file they are kept in; ~/.local/share/wharfinger/advisories.db by default."),
]
Force = Annotated[
    bool, Parameter(negative="", help="Accept it also when a source has lost over a fifth of its records.")
]
PlainHttp = Annotated[
    list[str] | None,
    Parameter(negative="", help="Ask this HOST or HOST:PORT without TLS, and show it no password."),
]
Verbose = Annotated[bool, Parameter(negative="", help="Show everything that was skipped, not the first alone.")]


@advisories.command(name="import")
def bring(
    path: Annotated[Path, Parameter(help="A zip or tar archive, a file, or a folder with such at any depth.")],
    *,
    database: Database = None,
    exact: Annotated[bool, Parameter(negative="", help="Forget the sources that the path does not have.")] = False,
    force: Force = False,
    verbose: Verbose = False,
    as_json: AsJson = False,
) -> None:
    """Read advisories in OSV's format, and NVD, EPSS, KEV and distro-info in their own, into the database.

    The new set replaces the old in one step, and the old one stays beside it. Malformed records are skipped and shown.
    """
    from wharfinger.scanning.advisories import building

    where = place(database)
    _print(building.bring_in(path, where, force=force, exact=exact), where, verbose=verbose, as_json=as_json)


@advisories.command
def update(
    url: Annotated[str, Parameter(help="An archive, or a folder with SHA256SUMS in it, whose URL ends in /.")],
    *,
    database: Database = None,
    private: Annotated[
        bool, Parameter(negative="", help="The mirror may be in a private network, or on this machine.")
    ] = False,
    force: Force = False,
    verbose: Verbose = False,
    as_json: AsJson = False,
) -> None:
    """Bring the database up to date with a mirror: archives whose hash is known are not fetched."""
    from wharfinger.access.fetch import Fetch
    from wharfinger.scanning.advisories import updating

    where = place(database)
    fetch = Fetch(seconds=updating.SECONDS)
    found = asyncio.run(updating.update(url, where, fetch=fetch, private=private, force=force))
    if found is None:
        print_json({"changed": False}) if as_json else print("Nothing has changed.")
    else:
        _print(found, where, verbose=verbose, as_json=as_json)


@advisories.command
def push(
    reference: Annotated[str, Parameter(help="Where to: HOST/NAME[:TAG], in any registry.")],
    *,
    database: Database = None,
    plain_http: PlainHttp = None,
) -> None:
    """Push the advisories to a registry, as an OCI artifact."""
    from wharfinger.cli.registries import pushing
    from wharfinger.remote import references
    from wharfinger.scanning.advisories import carrying
    from wharfinger.scanning.advisories.opening import open_database

    where, to = place(database), references.parse(reference)
    open_database(where).close()
    with pushing(frozenset(plain_http or ())) as (_, pusher):
        print(f"{to.name}@{carrying.push(where, to, pusher)}")


@advisories.command
def pull(
    reference: Annotated[str, Parameter(help="Where from: HOST/NAME[:TAG][@DIGEST], in any registry.")],
    *,
    database: Database = None,
    plain_http: PlainHttp = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Replace the advisories by those that were pushed to a registry."""
    from wharfinger.cli.registries import repositories
    from wharfinger.remote import references
    from wharfinger.scanning.advisories import carrying

    where = place(database)
    with repositories(frozenset(plain_http or ())) as found:
        sources = carrying.pull(where, references.parse(reference), found, force=force)
    if as_json:
        print_json({"changed": sources is not None} | ({} if sources is None else {"sources": dict(sources)}))
    elif sources is None:
        print("Nothing has changed.")
    else:
        print_rows(("Source", "Records"), [(name, str(count)) for name, count in sources.items()])


@advisories.command
def status(*, database: Database = None, as_json: AsJson = False) -> None:
    """Say which advisories there are, from whom, under which terms, and since when."""
    from datetime import UTC, datetime

    from wharfinger.scanning.advisories.opening import open_database

    where = place(database)
    known = open_database(where)
    made = datetime.fromtimestamp(where.stat().st_mtime, UTC)
    if as_json:
        sources = {name: {"records": n, "licence": known.licences[name]} for name, n in known.sources.items()}
        beside = {name: {"kind": kind, "entries": n} for name, (kind, n) in known.enrichments.items()}
        fields = {"sha256": known.sha256, "sources": sources, "enrichments": beside}
        print_json({**fields, "ecosystems": sorted(known.ecosystems), "made": f"{made:%Y-%m-%dT%H:%M:%SZ}"})
        return
    print(f"sha256:{known.sha256}, made {made:%Y-%m-%d %H:%M} UTC")
    rows = [(name, str(count), known.licences[name]) for name, count in known.sources.items()]
    rows += [(name, str(count), kind) for name, (kind, count) in known.enrichments.items()]
    print_rows(("Source", "Records", "Licence or kind"), rows)


@advisories.command
def compare(
    ecosystem: Annotated[
        str, Parameter(help="deb, rpm, apk, npm, pypi, gem, maven, composer, nuget, go, cargo, or a name of OSV's.")
    ],
    one: Annotated[str | None, Parameter(help="A version.", allow_leading_hyphen=True)] = None,
    other: Annotated[str | None, Parameter(help="Another.", allow_leading_hyphen=True)] = None,
    /,
) -> int:
    """Compare versions as their ecosystem does: prints -1, 0 or 1.

    Without versions, reads pairs from standard input, parted by a tab, and prints an answer for each line. For what
    cannot be compared it prints error, and exits with 1.
    """
    from wharfinger.scanning.versions.schemes import SCHEMES, scheme

    key = scheme(ecosystem)
    if key is None:
        raise Refusal(f"{ecosystem}: nothing is known of its versions; one of {', '.join(SCHEMES)}")
    if (one is None) != (other is None):
        raise Refusal("want two versions, or none and pairs of them on standard input")
    pairs = [(one, other)] if one is not None else (line.rstrip("\r\n").partition("\t")[::2] for line in sys.stdin)
    failed = False
    for first, second in pairs:
        answer = _compared(key, str(first), str(second))
        failed = failed or answer is None
        print("error" if answer is None else answer)
    return int(failed)


def _compared(key: Any, one: str, other: str) -> int | None:
    from wharfinger.scanning.versions.encoding import VersionInvalid
    from wharfinger.scanning.versions.schemes import compare

    try:
        return compare(key, one, other)
    except VersionInvalid:
        return None


def place(database: Path | None) -> Path:
    """The file that was named, or the one in this user's data folder."""
    home = os.environ.get("XDG_DATA_HOME")
    return database or (Path(home) if home else Path.home() / ".local" / "share") / "wharfinger" / "advisories.db"


def _print(imported: "Imported", where: Path, *, verbose: bool, as_json: bool) -> None:
    if as_json:
        print_json(_fields(imported, where))
        return
    rows = [
        (each.name, *(str(count) for count in (each.records, each.added, each.changed, each.removed)))
        for each in imported.sources
    ]
    print_rows(("Source", "Records", "New", "Changed", "Gone"), rows)
    print_rows(("Beside them", "Entries"), [(name, str(count)) for name, count in imported.enrichments.items()])
    _tell("Left out as malformed", imported.malformed_count, imported.malformed, verbose)
    _tell("Used but for a part that is wrong", imported.flawed_count, imported.flawed, verbose)
    _tell("Passed over as something else", imported.other_count, imported.other, verbose)
    print(f"{imported.records} records in {where}, sha256:{imported.sha256}", file=sys.stderr)


def _tell(what: str, count: int, first: "tuple[Skipped, ...]", verbose: bool) -> None:
    if not count:
        return
    print(f"{what}: {count}", file=sys.stderr)
    shown = first if verbose else first[:SHOWN]
    for each in shown:
        print(f"  {clean(each.place)}: {clean(each.reason)}", file=sys.stderr)
    if len(shown) < count:
        print(f"  and {count - len(shown)} more", file=sys.stderr)


def _fields(imported: "Imported", where: Path) -> dict[str, Any]:
    def skipped(count: int, first: "tuple[Skipped, ...]") -> dict[str, Any]:
        return {
            "count": count,
            "first": [{"place": each.place, "reason": each.reason} for each in first],
        }

    return {
        "database": str(where),
        "sha256": imported.sha256,
        "changed": imported.is_changed,
        "records": imported.records,
        "sources": {
            each.name: {
                "records": each.records,
                "added": each.added,
                "changed": each.changed,
                "removed": each.removed,
            }
            for each in imported.sources
        },
        "enrichments": dict(imported.enrichments),
        "malformed": skipped(imported.malformed_count, imported.malformed),
        "flawed": skipped(imported.flawed_count, imported.flawed),
        "other": skipped(imported.other_count, imported.other),
    }
