"""A registry with images of some age, plans of it, and what became of them."""

import asyncio
import json
from typing import Any

from tests.api.caller import Caller, ask
from tests.conftest import Registry
from tests.kit.client import require
from tests.kit.images import Image, image
from wharfinger.lifecycle import service
from wharfinger.lifecycle.service import Lifecycle
from wharfinger.registry.tag_changes import TagChanges
from wharfinger.tagging.guard import RuleBook, TagGuard


def policy(*rules: str, more: str = "ceiling: 100%", repositories: str = "**", name: str = "p") -> str:
    """A policy file with one lifecycle policy."""
    head = f"version: 1\nlifecycle:\n  - name: {name}\n    repositories: '{repositories}'\n"
    return head + (f"    {more}\n" if more else "") + "    rules:\n" + "".join(f"      - {each}\n" for each in rules)


async def in_force(registry: Registry, text: str) -> None:
    """Let this file be what holds."""
    await Caller(registry.client)("POST", "/policy/apply", {"policy": text, "prune": True})


async def push(registry: Registry, repository: str, tag: str | None, seed: int, **kinds: Any) -> Image:
    """An image of its own, under a tag or by its digest."""
    made = image(seed=seed, **kinds)
    await registry.client.push_image(repository, made)
    if tag is not None:
        answer = await registry.client.put_manifest(repository, tag, made.raw, made.media_type)
        require(answer, 201)
    return made


async def plan(registry: Registry, role: str = "administrator", where: Any = None, status: int = 200) -> bytes:
    """A plan, as a file."""
    answer = await ask(registry.as_(role), "POST", "/lifecycle/plan", {"repositories": where} if where else {})
    return bytes(require(answer, status).content)


def read(raw: bytes) -> tuple[Any, dict[str, Any], Any]:
    """(head, repositories by name, total)."""
    head, *parts, total = [json.loads(line) for line in raw.splitlines()]
    return head, {part["repository"]: part for part in parts}, total


def outcomes(part: Any) -> dict[str, str]:
    """The verdict on each image of a repository's part."""
    found = {digest: "keep" for why in part.get("keep", ()) for digest in why["images"]}
    for verdict in ("delete", "untag"):
        found |= {each["digest"]: verdict for why in part.get(verdict, ()) for each in why["images"]}
    return found


async def start(registry: Registry, raw: bytes, role: str = "administrator", status: int = 202, **how: Any) -> Any:
    """What is answered when a plan is applied."""
    query = "&".join(f"{key}={value}" for key, value in how.items())
    headers = {"Content-Type": "application/jsonl"}
    path = f"/api/v1/lifecycle/apply?{query}"
    answer = await registry.as_(role).request("POST", path, content=raw, headers=headers)
    return require(answer, status).json()


async def refused(registry: Registry, raw: bytes, status: int = 409, **how: Any) -> str:
    """Why a plan is not applied."""
    message: str = (await start(registry, raw, status=status, **how))["errors"][0]["message"]
    return message


async def apply(registry: Registry, raw: bytes, role: str = "administrator", **how: Any) -> Any:
    """The report of a run that has ended."""
    return await ended(registry, (await start(registry, raw, role, **how))["id"])


async def ended(registry: Registry, id: int) -> Any:
    """The report of the run, once it has ended."""
    for _ in range(500):
        found = await Caller(registry.client)("GET", f"/lifecycle/runs/{id}")
        if found["run"]["finished_at"] is not None:
            return found
        await asyncio.sleep(0.02)
    raise AssertionError(f"run {id} has not ended: {found}")


async def present(registry: Registry, repository: str, *images: Image) -> list[bool]:
    """Which of these can be pulled. By the management API, which is no pull."""
    paths = [f"/manifests/{repository}/{each.digest}" for each in images]
    return [(await ask(registry.client, "GET", path)).status_code == 200 for path in paths]


async def note(registry: Registry, statement: str) -> None:
    """Change a table directly."""
    await registry.services.db.write(lambda tx: tx.exec_driver_sql(statement) and None)


async def somebody_was_here(registry: Registry) -> None:
    """Or the clock may be wrong."""
    await push(registry, "shop/z", "z", 99)


# --- other processes


def another(registry: Registry) -> Lifecycle:
    """The same of another process."""
    guard = TagGuard(RuleBook())
    services = registry.services
    return service.build(services.db, registry.clock, services.keeping.trash, TagChanges(guard), guard.undeletable)


class Ended(BaseException):
    """The process was killed."""


def dying(registry: Registry, writes: int) -> Lifecycle:
    """A process that is killed after so many transactions."""
    left = [writes]

    class Dying:
        def __init__(self) -> None:
            self.read = registry.services.db.read

        async def write(self, query: Any, *args: Any, **kwargs: Any) -> Any:
            if left[0] == 0:
                raise Ended
            left[0] -= 1
            return await registry.services.db.write(query, *args, **kwargs)

    guard = TagGuard(RuleBook())
    db: Any = Dying()
    return service.build(db, registry.clock, registry.services.keeping.trash, TagChanges(guard), guard.undeletable)
