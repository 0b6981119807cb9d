import asyncio
import threading
from collections.abc import Iterator

import pytest

from tests.kit.clock import Clock
from wharfinger.access import passwords
from wharfinger.access.passwords import AT_ONCE, HASHER, NOBODY, WAITING, Passwords
from wharfinger.errors import RequestInvalid, TooManyRequests

HASH = HASHER.hash("right horse battery")


class Checks:
    """Stands in for Argon2: counts, and waits while it is held."""

    def __init__(self) -> None:
        self.asked: list[tuple[str | None, str]] = []
        self.at_once = 0
        self.most_at_once = 0
        self.open = threading.Event()
        self.open.set()
        self._lock = threading.Lock()

    def __call__(self, stored: str | None, password: str) -> bool:
        with self._lock:
            self.asked.append((stored, password))
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        self.open.wait(10)
        with self._lock:
            self.at_once -= 1
        return stored == password


@pytest.fixture
def checks() -> Checks:
    return Checks()


@pytest.fixture
def checker(clock: Clock, checks: Checks) -> Iterator[Passwords]:
    made = Passwords(clock, checks)
    yield made
    checks.open.set()
    made.close()


async def test_the_right_password_is_right_and_others_are_not(clock: Clock) -> None:
    checker = Passwords(clock)
    assert await checker.is_right("ci", 1, HASH, "right horse battery")
    assert not await checker.is_right("ci", 1, HASH, "wrong horse battery")
    assert not await checker.is_right("nobody", 0, None, "right horse battery")
    assert not await checker.is_right("ci", 2, "not a hash", "right horse battery")
    checker.close()


async def test_a_hash_is_of_the_promised_strength(clock: Clock) -> None:
    checker = Passwords(clock)
    assert (await checker.hash("right horse battery")).startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    checker.close()


def test_a_name_that_does_not_exist_takes_as_long_as_a_wrong_password() -> None:
    assert not HASHER.check_needs_rehash(NOBODY)


async def test_unknown_names_are_checked_like_all_others(checker: Passwords, checks: Checks) -> None:
    assert not await checker.is_right("nobody", 0, None, "secret")
    assert checks.asked == [(None, "secret")]


async def test_a_right_password_is_remembered_for_a_minute(checker: Passwords, checks: Checks, clock: Clock) -> None:
    assert await checker.is_right("ci", 1, "secret", "secret")
    clock.advance(59.9)
    assert await checker.is_right("ci", 1, "secret", "secret")
    assert len(checks.asked) == 1
    clock.advance(0.1)
    assert await checker.is_right("ci", 1, "secret", "secret")
    assert len(checks.asked) == 2


async def test_what_is_remembered_holds_for_one_name_and_generation(checker: Passwords, checks: Checks) -> None:
    assert await checker.is_right("ci", 1, "secret", "secret")
    assert not await checker.is_right("ci", 2, "changed", "secret")
    assert not await checker.is_right("cd", 1, "other", "secret")
    assert not await checker.is_right("ci", 1, "secret", "secret2")
    assert len(checks.asked) == 4


async def test_a_wrong_password_is_not_remembered(checker: Passwords, checks: Checks) -> None:
    assert not await checker.is_right("ci", 1, "secret", "wrong")
    assert not await checker.is_right("ci", 1, "secret", "wrong")
    assert len(checks.asked) == 2
    assert not checker._remembered


async def test_the_memory_has_a_limit_and_forgets_what_is_used_least(
    checker: Passwords, checks: Checks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "REMEMBER_AT_MOST", 2)
    for name in ("a", "b", "a", "c"):
        assert await checker.is_right(name, 1, "secret", "secret")
    assert len(checker._remembered) == 2
    checks.asked.clear()
    assert await checker.is_right("a", 1, "secret", "secret")
    assert not checks.asked
    assert await checker.is_right("b", 1, "secret", "secret")
    assert len(checks.asked) == 1


async def test_equal_questions_at_once_are_one_check(checker: Passwords, checks: Checks) -> None:
    answers = await asyncio.gather(*(checker.is_right("ci", 1, "secret", "secret") for _ in range(50)))
    assert all(answers)
    assert len(checks.asked) == 1


async def test_whoever_asked_first_may_go_away(checker: Passwords, checks: Checks) -> None:
    checks.open.clear()
    first = asyncio.create_task(checker.is_right("ci", 1, "secret", "secret"))
    second = asyncio.create_task(checker.is_right("ci", 1, "secret", "secret"))
    await asyncio.sleep(0.01)
    first.cancel()
    await asyncio.sleep(0)
    checks.open.set()
    assert await second


async def test_two_are_checked_at_once_a_few_wait_and_the_rest_is_told_to_come_back(
    checker: Passwords, checks: Checks
) -> None:
    checks.open.clear()
    accepted = [
        asyncio.create_task(checker.is_right(f"ci{i}", 1, "secret", "secret")) for i in range(AT_ONCE + WAITING)
    ]
    await asyncio.sleep(0.01)
    with pytest.raises(TooManyRequests) as refusal:
        await checker.is_right("one more", 1, "secret", "secret")
    assert refusal.value.retry_after >= 1
    checks.open.set()
    assert all(await asyncio.gather(*accepted))
    assert checks.most_at_once == AT_ONCE
    assert await checker.is_right("one more", 1, "secret", "secret")


async def test_what_is_remembered_is_answered_however_many_wait(checker: Passwords, checks: Checks) -> None:
    assert await checker.is_right("known", 1, "secret", "secret")
    checks.open.clear()
    waiting = [asyncio.create_task(checker.is_right(f"ci{i}", 1, "x", "y")) for i in range(AT_ONCE + WAITING)]
    await asyncio.sleep(0.01)
    assert await checker.is_right("known", 1, "secret", "secret")
    checks.open.set()
    await asyncio.gather(*waiting)


@pytest.mark.parametrize("password", ["", "x" * 11, "x" * 1025, "tab\tin the middle", "lone \ud800 surrogate"])
def test_what_could_not_be_sent_or_is_too_short_is_refused(password: str) -> None:
    with pytest.raises(RequestInvalid):
        passwords.require_acceptable(password)


@pytest.mark.parametrize("password", ["x" * 12, "x" * 1024, "with: colon and ümläut"])
def test_what_is_long_enough_is_accepted(password: str) -> None:
    passwords.require_acceptable(passwords.generate())
    passwords.require_acceptable(password)
