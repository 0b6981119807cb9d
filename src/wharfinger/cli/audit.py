"""``wharf audit``: who did what, and whether the record of it was touched."""

import json
import time
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from wharfinger.cli.output import moment, print_json, print_rows
from wharfinger.errors import Refusal

audit = App(name="audit", help="Read and verify the audit trail.")

PAGE = 1000

Account = Annotated[str | None, Parameter(help="Only what this account did.")]
ActionName = Annotated[str | None, Parameter(help="Only this action: pull, push, tag.move, login, grant.add, …")]
Repository = Annotated[str | None, Parameter(help="Only in this repository; then its auditors may ask, too.")]
DigestText = Annotated[str | None, Parameter(help="Only about content of this digest.")]
Outcome = Annotated[str | None, Parameter(help="Only with this outcome: done, denied or failed.")]
Since = Annotated[str | None, Parameter(help="Not before this day or time: 2027-01-31, or 2027-01-31T18:00Z.")]
Until = Annotated[str | None, Parameter(help="Before this day or time.")]
Limit = Annotated[int | None, Parameter(name=["--limit", "-n"], help="At most so many; all with --json.")]
JsonLines = Annotated[bool, Parameter(name="--json", negative="", help="Print one JSON object for each line.")]
CheckpointFile = Annotated[
    Path | None, Parameter(help="A checkpoint that was exported earlier, to compare the trail with.")
]

Data = Annotated[str | None, Parameter(help="Read it from this data folder, without asking the server.")]
Config = Annotated[Path | None, Parameter(help="The same, from the database that this file names.")]

SHOWN = 50


@audit.default
@audit.command(name="list")
def list_(
    *,
    account: Account = None,
    action: ActionName = None,
    repository: Repository = None,
    digest: DigestText = None,
    outcome: Outcome = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = None,
    as_json: JsonLines = False,
) -> None:
    """List what was done, the newest first."""
    from wharfinger.access.moments import moment_of
    from wharfinger.cli.client import logged_in

    named = {"account": account, "action": action, "repository": repository, "digest": digest, "outcome": outcome}
    wanted = {name: value for name, value in named.items() if value is not None}
    for name, text in (("since", since), ("until", until)):
        if text is not None:
            wanted[name] = repr(moment_of(text))
    if limit is None and not as_json:
        limit = SHOWN
    with logged_in() as client:
        records = _records(client, wanted, limit)
        if as_json:
            for record in records:
                print(json.dumps(record))
            return
        print_rows(("When", "Who", "What", "Outcome", "Where", "Digest", "From", "Times"), map(_row, records))


def _records(client: Any, wanted: dict[str, str], limit: int | None) -> Any:
    """Page after page, as far as they are asked for."""
    last: str | None = ""
    while last is not None and limit != 0:
        n = PAGE if limit is None else min(PAGE, limit)
        page = client.get("/audit", **wanted, last=last, n=str(n))
        yield from page["records"]
        limit = None if limit is None else limit - len(page["records"])
        last = page["next"]


def _row(record: dict[str, Any]) -> tuple[str, ...]:
    tag = f":{record['tag']}" if record["tag"] else ""
    return (
        moment(record["at"]),
        record["account"] or "-",
        record["action"],
        record["outcome"],
        f"{record['repository']}{tag}" if record["repository"] else _subject(record["detail"]),
        record["digest"] or "",
        record["address"],
        str(record["count"]),
    )


def _subject(detail: dict[str, Any]) -> str:
    """What was changed, where that is no repository: the grant, the secret, whom it is about."""
    states = (detail.get("before"), detail.get("after"))
    told = detail | {name: value for state in states if isinstance(state, dict) for name, value in state.items()}
    match told:
        case {"principal": who, "role": role, "pattern": where}:
            return f"{'deny ' if told.get('deny') else ''}{who} {role} {where}"
        case {"group": group, "account": account}:
            return f"{account} in {group}"
        case {"id": id, "label": _, "account": account}:
            return f"{id} of {account}"
        case {"claims": _, "issuer": issuer, "account": account}:
            return f"{issuer} as {account}"
    return next((str(told[name]) for name in ("account", "name", "group", "role", "url", "key") if name in told), "")


@audit.command
def verify(
    *, checkpoint: CheckpointFile = None, data: Data = None, config: Config = None, as_json: JsonLines = False
) -> int:
    """Check that no record was altered, removed or moved since it was sealed.

    Reads the trail from the server, and checks it here. With --data or --config it is read from the database itself,
    server or no server. Exit status: 0 none was, 1 one was, or something else is wrong; 2 the trail cannot be read.
    """
    import asyncio

    from wharfinger.access.verifying import verify as check
    from wharfinger.cli import trail

    exported = trail.read_checkpoint(checkpoint) if checkpoint is not None else None
    with trail.source(config, data) as source:
        report = asyncio.run(_closing(source, check(source, exported, time.time)))
    if as_json:
        print(json.dumps(trail.fields_of(report)))
    else:
        for line in trail.lines_of(report):
            print(line)
    return 1 if report.findings else 0


@audit.command
def checkpoint(*, data: Data = None, config: Config = None) -> None:
    """Print the head of the trail as it was last signed: keep it elsewhere, to verify with it later."""
    import asyncio

    from wharfinger.cli import trail

    with trail.source(config, data) as source:
        head = asyncio.run(_closing(source, source.head()))
    if head is None:
        raise Refusal("nothing is signed yet: that is done each minute; is the server running?")
    print_json(trail.fields_of(head))


async def _closing(source: Any, asked: Any) -> Any:
    try:
        return await asked
    finally:
        await source.close()
