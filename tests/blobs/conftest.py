"""Object stores to test against: each is started once for the run, and each test has a prefix of its own in it."""

from collections.abc import Iterator

import pytest

from tests.kit.parts.azurite import azurite
from tests.kit.parts.moto import moto
from tests.kit.parts.stores import S3, Azure
from tests.kit.parts.swift import swift


@pytest.fixture(scope="session")
def moto_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    with moto(tmp_path_factory.mktemp("moto")) as store:
        yield store


@pytest.fixture(scope="session")
def swift_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    with swift(tmp_path_factory.mktemp("swift")) as store:
        yield store


@pytest.fixture(scope="session")
def azurite_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    with azurite(tmp_path_factory.mktemp("azurite")) as store:
        yield store
