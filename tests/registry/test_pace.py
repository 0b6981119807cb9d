"""How much a transaction of the collector does at a time: learned from what it took."""

import pytest

from wharfinger.registry.pace import FIRST, LEAST, MOST, Pace

WANTED = 0.02


def sizes(fixed: float, each: float, rounds: int = 12, there: int = 10**6) -> list[int]:
    """What it comes to, batch by batch, where a batch costs ``fixed`` and every one in it ``each``."""
    pace, found = Pace(), []
    for _ in range(rounds):
        count = min(there, pace.size)
        pace.note(count, fixed + each * count, WANTED)
        found.append(pace.size)
    return found


@pytest.mark.parametrize(("fixed", "each"), [(0.003, 0.0001), (0.001, 0.00005), (0.01, 0.0001)])
def test_a_batch_comes_to_take_as_long_as_is_wanted(fixed: float, each: float) -> None:
    assert fixed + each * sizes(fixed, each)[-1] == pytest.approx(WANTED, rel=0.1)


def test_it_stays_within_its_bounds_on_any_machine() -> None:
    assert sizes(fixed=10.0, each=1.0)[-1] == LEAST
    assert sizes(fixed=0.0, each=1e-7)[-1] == MOST
    assert sizes(fixed=0.0, each=0.0) == [FIRST] * 12, "a clock that stands still says nothing"


def test_one_odd_figure_does_not_throw_it_off() -> None:
    pace = Pace()
    pace.size = 200
    pace.note(200, 60.0, WANTED)
    assert pace.size == 100
    pace.note(100, 0.0001, WANTED)
    assert pace.size == 200


def test_a_batch_that_was_not_full_says_only_that_it_was_too_slow() -> None:
    pace = Pace()
    pace.note(1, 0.003, WANTED)
    assert pace.size == FIRST
    pace.note(0, 0.001, WANTED)
    assert pace.size == FIRST
    pace.note(FIRST - 1, WANTED * 100, WANTED)
    assert pace.size == max(LEAST, FIRST // 2)
