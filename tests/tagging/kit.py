"""Rules put in force as a policy file puts them, and pushes that are allowed or not."""

from tests.api.caller import Caller, ask
from tests.conftest import Registry
from tests.kit.client import Client
from tests.kit.images import Image

ONE_RULE = "version: 1\ntags:\n  - {{name: rule, repositories: '**', {}}}\n"


async def rules(registry: Registry, text: str) -> None:
    """Let these be the rules, and no others."""
    await Caller(registry.client)("POST", "/policy/apply", {"policy": text, "prune": True})


async def one_rule(registry: Registry, text: str) -> None:
    """Let this be the only rule, on every repository."""
    await rules(registry, ONE_RULE.format(text))


async def push(client: Client, image: Image, tag: str, repository: str = "shop/web") -> tuple[int, str]:
    """The status of a push of the manifest alone, and what was said."""
    answer = await client.put_manifest(repository, tag, image.raw, image.media_type)
    return answer.status_code, answer.text


async def is_at(registry: Registry, tag: str, repository: str = "shop/web") -> str | None:
    """The digest that the tag points at."""
    answer = await ask(registry.client, "GET", f"/manifests/{repository}/{tag}")
    return str(answer.json()["digest"]) if answer.status_code == 200 else None
