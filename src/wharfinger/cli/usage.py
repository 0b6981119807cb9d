"""``wharf usage``: how much is stored, for whom, since when, and what it costs."""

import csv
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from wharfinger.cli import references
from wharfinger.cli.output import AsJson, print_json, print_rows, size
from wharfinger.errors import Refusal

GB = 1_000_000_000

Repository = Annotated[str | None, Parameter(help="One repository, day by day.")]
Grouped = Annotated[
    Literal["repository", "namespace", "owner"],
    Parameter(name="--by", help="Add up by the first part of the name (shop of shop/web), or by the policy's owners."),
]
Without = Annotated[str | None, Parameter(help="What deleting this image would give back: shop/web:1.4.")]
Price = Annotated[float | None, Parameter(help="What a gigabyte (1,000,000,000 bytes) costs a month.")]
DaysBack = Annotated[int, Parameter(help="How many days back.")]
AsCsv = Annotated[bool, Parameter(name="--csv", negative="", help="Print CSV.")]
Store = Annotated[bool, Parameter(name="--store", negative="", help="The whole store, for auditors.")]

Row = dict[str, Any]


def usage(
    repository: Repository = None,
    *,
    by: Grouped = "repository",
    without: Without = None,
    store: Store = False,
    days: DaysBack = 90,
    price: Price = None,
    as_csv: AsCsv = False,
    as_json: AsJson = False,
) -> None:
    """List the repositories with what their blobs take: all of them, and those that no other repository holds.

    A blob that several repositories hold counts in the bytes of each, and in the exclusive bytes of none.
    Whose a repository is, policy.yaml says; - stands where it does not.

    wharf usage --by owner --price 0.023 --csv

    wharf usage --without shop/web:1.4.2
    """
    from wharfinger.cli.client import logged_in

    if sum(map(bool, (repository, without, store))) > 1:
        raise Refusal("a repository, --without and --store are different questions: ask one of them")
    with logged_in() as client:
        if without is not None:
            rows = [_without(client, without)]
        elif store:
            rows = [client.get("/usage/store")]
        elif repository is not None:
            found = client.get(f"/usage/days/{repository}", days=str(days))["samples"]
            rows = [{**row, "day": f"{datetime.fromtimestamp(row['day'], UTC):%Y-%m-%d}"} for row in found]
        else:
            rows = _figures(client, by)
    _tell([_priced(row, price) for row in rows], as_csv=as_csv, as_json=as_json)


def _without(client: Any, image: str) -> Row:
    wanted = references.parse(image)
    found: Row = client.get(f"/usage/without/{wanted.repository}/{wanted.reference}")
    return {"image": str(wanted), **found}


def _figures(client: Any, by: str) -> list[Row]:
    found = _pages(client)
    return list(found) if by == "repository" else _sums(found, _KEYS[by])


def _pages(client: Any) -> Iterable[Row]:
    last: str | None = ""
    while last is not None:
        page = client.get("/usage", last=last, n="1000")
        yield from page["usage"]
        last = page["next"]


_KEYS: Mapping[str, Callable[[Row], str]] = {
    "namespace": lambda row: str(row["name"]).partition("/")[0],
    "owner": lambda row: row["owner"] or "-",
}


def _sums(rows: Iterable[Row], key: Callable[[Row], str]) -> list[Row]:
    sums: dict[str, Row] = {}
    for row in rows:
        name = key(row)
        found = sums.setdefault(name, {"name": name, "repositories": 0, "bytes": 0, "exclusive": 0})
        found["repositories"] += 1
        found["bytes"] += row["bytes"]
        found["exclusive"] += row["exclusive"]
    return [sums[name] for name in sorted(sums)]


def _priced(row: Row, price: float | None) -> Row:
    if price is None:
        return row
    return {**row, "cost": round(row["bytes"] / GB * price, 4)}


def _tell(rows: Sequence[Row], *, as_csv: bool, as_json: bool) -> None:
    if as_json:
        print_json(rows)
        return
    if not rows:
        return
    headings = list(rows[0])
    if as_csv:
        writer = csv.DictWriter(sys.stdout, headings, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return
    shown = [[_shown(name, row[name]) for name in headings] for row in rows]
    print_rows([heading.capitalize() for heading in headings], shown)


def _shown(heading: str, value: Any) -> str:
    if value is None:
        return "-"
    return size(value) if heading in {"bytes", "exclusive", "shared", "held"} else str(value)
