"""A registry whose rules a test writes down, and pushes to it."""

import pytest

from tests.api.caller import Caller
from tests.conftest import Registry


@pytest.fixture
def api(registry: Registry) -> Caller:
    """The administrator, asking the management API."""
    return Caller(registry.client)
