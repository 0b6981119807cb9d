"""The registry under test, as its clients know it, and what it holds, asked without any client."""

import base64
import json
from dataclasses import dataclass
from typing import Any
from urllib.request import Request, urlopen

from tests.kit.rootfs import INDEX, MANIFEST

_DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


@dataclass(frozen=True)
class Registry:
    """A registry on plain HTTP, with an account that may pull and push everything."""

    host: str
    username: str
    password: str

    @property
    def url(self) -> str:
        """The address with its scheme."""
        return f"http://{self.host}"

    def reference(self, repository: str, tag: str = "v1") -> str:
        """What clients call an image in this registry."""
        return f"{self.host}/{repository}:{tag}"

    def manifest(self, repository: str, reference: str) -> bytes:
        """The bytes that the registry serves for a tag or digest."""
        return self.get(f"/v2/{repository}/manifests/{reference}")

    def blob(self, repository: str, digest: str) -> bytes:
        """The bytes that the registry serves for a blob."""
        return self.get(f"/v2/{repository}/blobs/{digest}")

    def tags(self, repository: str) -> list[str]:
        """The tags of a repository."""
        found: list[str] = self.get_json(f"/v2/{repository}/tags/list")["tags"]
        return found

    def get_json(self, path: str) -> dict[str, Any]:
        """What the registry answers, as JSON."""
        found: dict[str, Any] = json.loads(self.get(path))
        return found

    def get(self, path: str) -> bytes:
        """What the registry answers to its user; a refusal is an error."""
        credentials = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        headers = {"Authorization": f"Basic {credentials}", "Accept": f"{MANIFEST}, {INDEX}, {_DOCKER_MANIFEST}"}
        with urlopen(Request(self.url + path, headers=headers), timeout=60) as answer:
            raw: bytes = answer.read()
            return raw
