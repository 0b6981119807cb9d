"""What the stateful tests share: rules are synchronous, the registry lives in the event loop of the test."""

import asyncio
from collections.abc import Awaitable
from itertools import count
from typing import TypeVar

from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from tests.kit.client import Registry
from tests.kit.effort import times
from tests.kit.model import Model

T = TypeVar("T")

SETTINGS = settings(max_examples=times(12), stateful_step_count=40, deadline=None)

_runs = count()


class Machine(RuleBasedStateMachine):
    """A run over repositories that no run has used before, and a model of them."""

    registry: Registry
    loop: asyncio.AbstractEventLoop

    def __init__(self) -> None:
        super().__init__()
        run = next(_runs)
        self.names = [f"run{run}/app", f"run{run}/other"]
        self.client = self.registry.client
        self.model = Model(self.names)

    def wait(self, request: Awaitable[T]) -> T:
        """What a request is answered with."""

        async def waiting() -> T:
            return await request

        return asyncio.run_coroutine_threadsafe(waiting(), self.loop).result(60)

    def wait_all(self, *requests: Awaitable[T]) -> list[T]:
        """What requests that are sent at once are answered with."""

        async def waiting() -> list[T]:
            return await asyncio.gather(*requests)

        return asyncio.run_coroutine_threadsafe(waiting(), self.loop).result(60)


async def run(machine: type[Machine], registry: Registry) -> None:
    """Let the rules play against the registry, in a thread, for Hypothesis is synchronous."""
    Machine.registry, Machine.loop = registry, asyncio.get_running_loop()
    await asyncio.to_thread(run_state_machine_as_test, machine, settings=SETTINGS)
