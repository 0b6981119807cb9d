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
    """A registry on plain HTTP, and an account there: by default one that may do everything."""

    host: str
    username: str
    password: str

    @property
    def url(self) -> str:
        """The address with its scheme."""
        return f"http://{self.host}"

    @property
    def is_anonymous(self) -> bool:
        """Whether its clients do not log in."""
        return not self.username

    def as_(self, username: str, password: str) -> "Registry":
        """The same registry, as somebody else; with empty words as nobody."""
        return Registry(self.host, username, password)

    def account(self, name: str, *grants: tuple[str, str]) -> "Registry":
        """The same registry as a new service account that has these grants, (role, pattern), and no other."""
        self.post("/service-accounts", {"name": name, "owner": self.username})
        for role, pattern in grants:
            self.post("/grants", {"principal": name, "role": role, "pattern": pattern})
        made = self.post(f"/service-accounts/{name}/secrets", {"label": "a test", "expires_at": None})
        return self.as_(name, made["secret"])

    def post(self, path: str, fields: dict[str, Any]) -> dict[str, Any]:
        """What the management API answers."""
        found: dict[str, Any] = json.loads(self.send(path, json.dumps(fields).encode()))
        return found

    def send(self, path: str, body: bytes, kind: str = "application/json") -> bytes:
        """The same of any body."""
        headers = {"Authorization": self._basic(), "Content-Type": kind}
        with urlopen(Request(f"{self.url}/api/v1{path}", body, headers), timeout=60) as answer:
            raw: bytes = answer.read()
            return raw

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
        headers = {"Authorization": self._basic(), "Accept": f"{MANIFEST}, {INDEX}, {_DOCKER_MANIFEST}"}
        with urlopen(Request(self.url + path, headers=headers), timeout=60) as answer:
            raw: bytes = answer.read()
            return raw

    def _basic(self) -> str:
        return f"Basic {base64.b64encode(f'{self.username}:{self.password}'.encode()).decode()}"
