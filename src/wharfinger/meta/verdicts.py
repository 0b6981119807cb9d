"""Catalogues of layers, and the last verdict on each image; both by content, whoever holds it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, exists, select

from wharfinger.meta.schema import blobs
from wharfinger.meta.schema_scanning import layer_catalogues, verdicts
from wharfinger.meta.sql import chunks, insert
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import RepoName


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known of an image, by which advisories and cataloguer, since when.

    ``counts`` has how many findings there are of each severity; ``report`` is the whole as compressed JSON.
    """

    digest: Digest
    repository: RepoName
    config: Digest
    platform: str
    layers: tuple[Digest, ...]
    status: str
    counts: Mapping[str, int]
    advisories: str
    sources: Mapping[str, int]
    cataloguer: str
    isolation: str
    judged_at: float
    report: bytes


def catalogues(tx: Connection, layers: Iterable[Digest], cataloguer: str) -> dict[Digest, bytes]:
    """What is kept of these layers by this version of the cataloguer."""
    found: dict[Digest, bytes] = {}
    query = select(layer_catalogues.c.digest, layer_catalogues.c.body)
    for some in chunks(sorted(set(layers))):
        these = query.where(layer_catalogues.c.digest.in_(some), layer_catalogues.c.cataloguer == cataloguer)
        found.update((Digest(row.digest), row.body) for row in tx.execute(these))
    return found


def keep_catalogue(tx: Connection, layer: Digest, cataloguer: str, body: bytes, now: float) -> None:
    """Keep what a layer says. The same was read by whoever was quicker."""
    row = {"digest": layer, "cataloguer": cataloguer, "body": body, "made_at": now}
    tx.execute(insert(tx, layer_catalogues).values(row).on_conflict_do_nothing())


def put(tx: Connection, verdict: Verdict) -> None:
    """Let this be the verdict on the image."""
    row = {
        "digest": verdict.digest,
        "repository": verdict.repository,
        "config": verdict.config,
        "platform": verdict.platform,
        "layers": json.dumps(verdict.layers),
        "status": verdict.status,
        "counts": json.dumps(dict(verdict.counts)),
        "advisories": verdict.advisories,
        "sources": json.dumps(dict(verdict.sources)),
        "cataloguer": verdict.cataloguer,
        "isolation": verdict.isolation,
        "judged_at": verdict.judged_at,
        "report": verdict.report,
    }
    newer = {name: value for name, value in row.items() if name != "digest"}
    tx.execute(insert(tx, verdicts).values(row).on_conflict_do_update(index_elements=["digest"], set_=newer))


def find(tx: Connection, digests: Sequence[Digest]) -> dict[Digest, Verdict]:
    """The verdicts on these images, as far as there are some."""
    rows = (tx.execute(select(verdicts).where(verdicts.c.digest.in_(some))) for some in chunks(digests))
    return {Digest(row.digest): _verdict(row) for some in rows for row in some}


def outdated(tx: Connection, advisories: str, cataloguer: str, after: str, limit: int) -> list[Verdict]:
    """Up to ``limit`` verdicts by other advisories or another cataloguer, in order of digests, after one of them."""
    old = (verdicts.c.advisories != advisories) | (verdicts.c.cataloguer != cataloguer)
    query = select(verdicts).where(old, verdicts.c.digest > after).order_by(verdicts.c.digest).limit(limit)
    return [_verdict(row) for row in tx.execute(query)]


def forget_gone(tx: Connection) -> int:
    """Forget verdicts and catalogues of what no repository and no trash has any more; how many."""
    gone = 0
    for table, about in ((verdicts, verdicts.c.config), (layer_catalogues, layer_catalogues.c.digest)):
        gone += tx.execute(delete(table).where(~exists().where(blobs.c.digest == about))).rowcount
    return gone


def _verdict(row: object) -> Verdict:
    fields = dict(row._mapping)  # type: ignore[attr-defined]  # noqa: SLF001  a row's documented way to its columns
    return Verdict(
        **fields
        | {
            "layers": tuple(json.loads(fields["layers"])),
            "counts": json.loads(fields["counts"]),
            "sources": json.loads(fields["sources"]),
        }
    )
