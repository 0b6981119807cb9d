"""How often a test that draws lots draws them: WHARF_TEST_EFFORT times as often as in an ordinary run."""

import os

EFFORT = int(os.environ.get("WHARF_TEST_EFFORT", "1"))


def times(ordinary: int) -> int:
    """What to repeat a race, a kill or an example."""
    return ordinary * EFFORT
