"""The registry under test: a server of ours, or another program that should be the same to its clients."""

import os
import secrets
from collections.abc import Iterator

import pytest

from tests.kit.parts.docker_registry import docker_registry
from tests.kit.parts.wharf import wharf
from tests.system.registry import Registry


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A new registry. With WHARF_TEST_PEER set it is Debian's docker-registry: is a fault ours, or a client's?"""
    folder, password = tmp_path_factory.mktemp("registry"), secrets.token_urlsafe(12)
    if os.environ.get("WHARF_TEST_PEER"):
        with docker_registry(folder, username="admin", password=password) as host:
            yield Registry(host, "admin", password)
    else:
        with wharf(folder, password=password) as host:
            yield Registry(host, "admin", password)
