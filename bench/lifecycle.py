"""A plan of a million images, and explaining one of them: on a generated database, SQLite or PostgreSQL.

python -m bench.lifecycle make sqlite:///wharf.db --images 1000000       tables alone: no bytes are stored anywhere
python -m bench.lifecycle measure sqlite:///wharf.db
python -m bench.lifecycle pushes sqlite:///wharf.db                      small images, alone and while it is planned

For `make`, a PostgreSQL user has to be a superuser, who alone may fill tables while foreign keys are not looked at.

There is a repository for every hundred images, the largest with a twentieth of all. Of ten blobs of an image
three are its own, four are shared within the repository and three with others; every twentieth manifest is an index of
the next two.
"""

import argparse
import asyncio
import hashlib
import json
import multiprocessing
import os
import random
import resource
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Table, text

from bench import filling
from bench.backends import Backends
from wharfinger.access.caller import system
from wharfinger.lifecycle import plan_file, service
from wharfinger.meta import policy_sections
from wharfinger.meta.db import Database, open_database
from wharfinger.meta.migrate import migrate
from wharfinger.meta.schema import blob_links, blobs, manifest_blobs, manifest_children, manifests, repositories, tags
from wharfinger.registry.tag_changes import TagChanges
from wharfinger.registry.trash import Trash
from wharfinger.spec import needs
from wharfinger.spec.names import RepoName, Tag
from wharfinger.tagging.guard import RuleBook, TagGuard

POLICY = """[{"name": "default", "repositories": ["**"], "rules": [
  {"keep": {"tags": "prod-*", "newest": 10}}, {"delete": {"untagged_for": "7d"}},
  {"keep": {"tagged_within": "30d"}}, {"delete": {}}]}]"""
NOW = 1_800_000_000.0
DAY = 86400.0
BASE = 300
OWN_SIZE, POOL_SIZE, BASE_SIZE = 1_000_000, 5_000_000, 30_000_000
OCI = "application/vnd.oci.image"
UNDER_WAY = 5.0
"""Seconds after which a plan that was begun has processes that judge."""
EVERY = 200
"""Repositories after which memory is looked at, which takes milliseconds."""
Rows = dict[str, list[tuple[Any, ...]]]
TABLES: dict[str, tuple[Table, tuple[str, ...]]] = {
    "repositories": (repositories, ("id", "name", "created_at")),
    "blobs": (blobs, ("digest", "size", "location", "created_at")),
    "blob_links": (blob_links, ("repository_id", "digest", "linked_at")),
    "manifests": (
        manifests,
        ("repository_id", "digest", "media_type", "annotations", "size", "pushed_at", "raw", "untagged_at", "needs"),
    ),
    "manifest_blobs": (manifest_blobs, ("repository_id", "manifest", "digest", "present")),
    "manifest_children": (manifest_children, ("repository_id", "manifest", "digest", "present")),
    "tags": (tags, ("repository_id", "name", "digest", "moved_at")),
}


def sizes(images: int) -> list[int]:
    """How many images each repository has: one of a twentieth, one of a thousand, the others alike."""
    largest = images // 20
    others = max(1, images // 100 - 2)
    rest = images - largest - 1000
    return [largest, 1000, *(rest // others + (n < rest % others) for n in range(others))]


def digest(*words: object) -> str:
    return f"sha256:{hashlib.sha256(repr(words).encode()).hexdigest()}"


def repository(number: int, images: int, chance: random.Random) -> Rows:
    """The rows of one repository."""
    rows: Rows = {name: [] for name in TABLES}
    rows["repositories"].append((number, f"bench/r{number:05}", NOW))
    pool = [digest("pool", number, n) for n in range(20)]
    rows["blobs"] += [(one, POOL_SIZE, f"{one}/x", NOW) for one in pool]
    linked = set(pool)
    names = [digest("manifest", number, n) for n in range(images)]
    owned: set[int] = set()
    for n, name in enumerate(names):
        pushed = NOW - chance.random() * 400 * DAY
        count = 0 if n in owned else chance.choice((0, 1, 1, 2, 2, 3))
        rows["tags"] += [
            (number, f"{chance.choice(('prod', 'dev', 'main'))}-{n}-{k}", name, pushed) for k in range(count)
        ]
        if n % 20 == 0 and n + 2 < images and n not in owned:
            owned |= {n + 1, n + 2}
            children = [names[n + k] for k in (1, 2)]
            rows["manifest_children"] += [(number, name, child, child) for child in children]
            needed: dict[str, int] = {}
            media_type, raw = f"{OCI}.index.v1+json", _index(children)
        else:
            own = {digest("own", number, n, k): OWN_SIZE + k for k in range(3)}
            rows["blobs"] += [(one, size, f"{one}/x", NOW) for one, size in own.items()]
            base = dict.fromkeys((digest("base", k) for k in chance.sample(range(BASE), 3)), BASE_SIZE)
            needed = {**own, **dict.fromkeys(chance.sample(pool, 4), POOL_SIZE), **base}
            linked.update(own, base)
            rows["manifest_blobs"] += [(number, name, one, one) for one in needed]
            media_type, raw = f"{OCI}.manifest.v1+json", _manifest(needed)
        since = None if count else pushed + DAY
        rows["manifests"].append((number, name, media_type, "{}", len(raw), pushed, raw, since, needs.pack(needed)))
    rows["blob_links"] += [(number, one, NOW - 401 * DAY) for one in sorted(linked)]
    return rows


def _manifest(needed: dict[str, int]) -> bytes:
    """The bytes of a manifest that needs these blobs, the first as its config."""
    config, *layers = needed.items()
    return _written(
        schemaVersion=2,
        mediaType=f"{OCI}.manifest.v1+json",
        config=_descriptor(f"{OCI}.config.v1+json", *config),
        layers=[_descriptor(f"{OCI}.layer.v1.tar+gzip", *layer) for layer in layers],
    )


def _index(children: list[str]) -> bytes:
    manifests = [_descriptor(f"{OCI}.manifest.v1+json", child, 2000) for child in children]
    return _written(schemaVersion=2, mediaType=f"{OCI}.index.v1+json", manifests=manifests)


def _descriptor(media_type: str, digest: str, size: int) -> dict[str, str | int]:
    return {"mediaType": media_type, "digest": digest, "size": size}


def _written(**fields: object) -> bytes:
    return json.dumps(fields, separators=(",", ":")).encode()


def batches(images: int) -> Iterator[Rows]:
    """All rows, some repositories at a time."""
    chance = random.Random(1)
    rows: Rows = {name: [] for name in TABLES}
    rows["blobs"] += [(digest("base", k), BASE_SIZE, f"base-{k}", NOW) for k in range(BASE)]
    for number, count in enumerate(sizes(images), start=1):
        for name, more in repository(number, count, chance).items():
            rows[name] += more
        if len(rows["manifests"]) > 20_000:
            yield rows
            rows = {name: [] for name in TABLES}
    yield rows


def make(url: str, images: int) -> None:
    """Fill a new database."""
    db, begun = open_database(url), time.perf_counter()
    backends = Backends(db)
    theirs = backends.seconds()
    migrate(db.engine)
    with filling.unchecked(db, [table for table, _ in TABLES.values()]) as tx:
        for rows in batches(images):
            for name, (table, columns) in TABLES.items():
                if rows[name]:
                    filling.put(tx, table, columns, rows[name])
            tx.commit()
        policy_sections.write(tx, "lifecycle", POLICY, NOW)
        tx.commit()
        print(f"rows: {time.perf_counter() - begun:.0f} s", flush=True)
    print(f"with indexes: {time.perf_counter() - begun:.0f} s; of the processor {time.process_time():.0f} s", end="")
    print(f" here, {backends.seconds() - theirs:.0f} s in the database's")
    db.engine.dispose()


async def measure(url: str) -> None:
    """Plan everything, then explain images of the repositories of a thousand and of the largest."""
    db = open_database(url)
    found = _lifecycle(db, lambda: NOW)
    backends = Backends(db)
    begun, busy, theirs, bytes_out = time.perf_counter(), time.process_time(), backends.seconds(), 0
    plan = await found.plans.plan(system("bench", NOW))
    line, memory, number = b"", 0, 0
    async for line in plan.lines:
        bytes_out += len(line)
        number += 1
        memory = max(memory, _memory()) if number % EVERY == 0 else memory
    took, busy = time.perf_counter() - begun, time.process_time() - busy
    for other in multiprocessing.active_children():
        other.join()  # until then nobody says what it needed
    theirs = backends.seconds() - theirs
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    others = used.ru_utime + used.ru_stime
    last = plan_file.total(line)
    print(f"plan: {last.images} images, {last.delete} go, {last.frees} bytes freed, a file of {bytes_out >> 20} MiB")
    print(f"      {took:.1f} s; of the processor {busy:.1f} s here, {others:.1f} s in those that judge", end="")
    print(f", {theirs:.1f} s in the database's")
    print(f"      {memory >> 10} MiB at most in all of them together")
    for name in ("bench/r00002", "bench/r00001"):
        with db.engine.connect() as tx:
            picked = "SELECT tags.name FROM tags JOIN repositories ON repositories.id = tags.repository_id"
            statement = text(f"{picked} WHERE repositories.name = :name ORDER BY tags.name LIMIT 40")
            chosen = [row[0] for row in tx.execute(statement, {"name": name})]
        times, spent, theirs = [], [], backends.seconds()
        for tag in chosen[::2]:
            begun, busy = time.perf_counter(), time.process_time()
            await found.explaining.explain(RepoName(name), Tag(tag))
            times.append(time.perf_counter() - begun)
            spent.append(time.process_time() - busy)
        middle, most, work = (each * 1000 for each in (statistics.median(times), max(times), statistics.median(spent)))
        theirs = (backends.seconds() - theirs) * 1000 / len(times)
        print(f"explain in {name}: median {middle:.0f} ms, most {most:.0f} ms; ", end="")
        print(f"{work:.0f} ms of processor time here and {theirs:.0f} ms in the database's")
    await db.close()


def pushes(url: str, count: int) -> None:
    """Push small images one after the other: alone, while plans are made, and alone again."""
    with TemporaryDirectory(prefix="wharf-bench-") as folder:
        _pushed(url, Path(folder), "alone", count)
        planner = multiprocessing.get_context("spawn").Process(target=_plan_again_and_again, args=(url,))
        planner.start()
        try:
            time.sleep(UNDER_WAY)
            _pushed(url, Path(folder), "during", count)
            assert planner.is_alive(), "it plans all the time"
        finally:
            planner.terminate()  # those that judge for it end with it
            planner.join()
        _pushed(url, Path(folder), "after", count)


def _pushed(url: str, folder: Path, when: str, count: int) -> None:
    from bench import collection

    load, busy = os.getloadavg()[0], time.process_time()
    times = sorted(asyncio.run(collection.push_many(url, folder, f"{when}-{time.time_ns()}", count)))
    busy = time.process_time() - busy
    middle, worst = (each * 1000 for each in (statistics.median(times), times[len(times) * 99 // 100]))
    spent = busy / count * 1000
    print(f"{count} pushes {when}: median {middle:.0f} ms, 99 % {worst:.0f} ms; ", end="")
    print(f"{spent:.0f} ms of processor time each; load before {load:.1f}", flush=True)


def _plan_again_and_again(url: str) -> None:
    while True:
        asyncio.run(_plan(url))


async def _plan(url: str) -> None:
    db = open_database(url)
    async for _ in (await _lifecycle(db, lambda: NOW).plans.plan(system("bench", NOW))).lines:
        pass
    await db.close()


def _memory() -> int:
    """What this process and those that it began have, in KiB; what several have together counts once."""
    found = 0
    for pid in ("self", *(other.pid for other in multiprocessing.active_children())):
        with suppress(OSError):
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            found += int(rollup.partition("\nPss:")[2].split()[0])
    return found


def _lifecycle(db: Database, now: Callable[[], float]) -> service.Lifecycle:
    guard = TagGuard(RuleBook())
    changes = TagChanges(guard)
    return service.build(db, now, Trash(db, now, changes), changes, guard.undeletable)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.lifecycle")
    parser.add_argument("what", choices=["make", "measure", "pushes"])
    parser.add_argument("database")
    parser.add_argument("--images", type=int, default=1_000_000)
    parser.add_argument("--pushes", type=int, default=400)
    asked = parser.parse_args()
    if asked.what == "make":
        make(asked.database, asked.images)
    elif asked.what == "pushes":
        pushes(asked.database, asked.pushes)
    else:
        asyncio.run(measure(asked.database))


if __name__ == "__main__":
    main()
