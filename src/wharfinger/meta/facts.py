"""What is known of images beside their manifests: what their config says, and how large they are with all below."""

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select, update

from wharfinger.meta import inventory
from wharfinger.meta.schema import manifests, repositories
from wharfinger.spec.config import Config
from wharfinger.spec.digest import Digest
from wharfinger.spec.manifest import Manifest
from wharfinger.spec.names import RepoName


@dataclass(frozen=True, slots=True)
class Unread:
    """A manifest whose config nobody has looked at yet."""

    repository_id: int
    repository: RepoName
    digest: Digest
    media_type: str
    raw: bytes


def note(tx: Connection, repository_id: int, manifest: Manifest, config: Config) -> None:
    """What the config says, and the size with all below; the manifest and its edges are there already."""
    values: dict[str, Any] = {
        "created_at": config.created,
        "platform": config.platform,
        "labels": json.dumps(dict(config.labels)),
        "total_size": _total_size(tx, repository_id, manifest),
    }
    this = (manifests.c.repository_id == repository_id) & (manifests.c.digest == manifest.digest)
    tx.execute(update(manifests).where(this).values(values))


def _total_size(tx: Connection, repository_id: int, manifest: Manifest) -> int:
    """Of an image what its descriptors say, each counted once; of an index what the repository holds of it."""
    if manifest.children:
        return inventory.total_size(tx, repository_id, manifest.digest)
    return len(manifest.raw) + sum({blob.digest: blob.size for blob in manifest.blobs}.values())


def give_up(tx: Connection, one: Unread) -> None:
    """Nothing can be known of the manifest: it is one that this version would not take."""
    this = (manifests.c.repository_id == one.repository_id) & (manifests.c.digest == one.digest)
    tx.execute(update(manifests).where(this).values(labels="{}"))


def unread(tx: Connection, limit: int) -> list[Unread]:
    """Some of those that have not been looked at."""
    query = (
        select(
            manifests.c.repository_id, repositories.c.name, manifests.c.digest, manifests.c.media_type, manifests.c.raw
        )
        .join(repositories, repositories.c.id == manifests.c.repository_id)
        .where(manifests.c.labels.is_(None))
        .limit(limit)
    )
    return [
        Unread(id, RepoName(name), Digest(digest), media_type, raw)
        for id, name, digest, media_type, raw in tx.execute(query)
    ]
