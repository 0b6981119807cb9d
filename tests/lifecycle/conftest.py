import pytest

from tests.api.caller import Caller
from tests.conftest import Registry


@pytest.fixture
def api(registry: Registry) -> Caller:
    """The management API, asked by an administrator."""
    return Caller(registry.client)
