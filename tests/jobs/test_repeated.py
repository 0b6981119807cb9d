"""What is done now and then beside requests goes on whatever happens to it."""

import asyncio

from wharfinger.errors import Unavailable
from wharfinger.jobs.repeated import Repeated


class Taker:
    """Takes what is handed over, after it has failed in each of these ways."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.taken = asyncio.Event()
        self.count = 0

    async def __call__(self) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.count += 1
        self.taken.set()


async def test_it_goes_on_after_the_database_was_away_and_after_a_mistake() -> None:
    taker = Taker(Unavailable("the database did not answer"), RuntimeError("a mistake"))
    repeated = Repeated("it", taker, every=0.001)
    await repeated.start()
    async with asyncio.timeout(30):
        await taker.taken.wait()
    await repeated.stop()


async def test_the_last_time_is_at_the_end_and_the_end_comes_even_if_that_fails() -> None:
    taker = Taker()
    repeated = Repeated("it", taker, every=3600)
    await repeated.start()
    assert taker.count == 0
    await repeated.stop()
    assert taker.count == 1
    failing = Repeated("it", Taker(RuntimeError("a mistake")), every=3600)
    await failing.start()
    await failing.stop()


async def test_what_was_not_started_is_stopped_all_the_same() -> None:
    taker = Taker()
    await Repeated("it", taker, every=3600).stop()
    assert taker.count == 0
