"""Passwords: hashed with Argon2id, two at a time, and remembered for a minute once they were right.

A check costs 19 MiB and some 40 ms by design. Docker sends the password with every request of a pull, so a right one
is remembered as a keyed hash whose key dies with the process. The hash covers the account's generation: after any
change of the account it is never looked up again.
"""

import asyncio
import hashlib
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from wharfinger.access import tokens
from wharfinger.errors import RequestInvalid, TooManyRequests

P = ParamSpec("P")
T = TypeVar("T")

AT_ONCE = 2
WAITING = 8
REMEMBER_SECONDS = 60.0
REMEMBER_AT_MOST = 10_000

MINIMUM = 12
# A password that a deployment was given in its configuration is held to 8, the floor of NIST SP 800-63B: it comes from
# a secret store with rules of its own, and a registry that does not start because of them helps nobody.
MINIMUM_CONFIGURED = 8
MAXIMUM = 1024

# OWASP's choice for Argon2id: slow enough to guess, small enough for a registry on a Raspberry Pi.
HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# The hash of a password that was thrown away. Checked for names that do not exist, so that they take as long.
NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$uDJy8fhVoCplwIRDKcA/+w$57gPs6dN01AbVMbh08BxUOIZJxl9hcTFA+6QYy8L49U"

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def require_acceptable(password: str, *, minimum: int = MINIMUM) -> None:
    """Raise RequestInvalid unless ``password`` may become one: long enough, and possible to send in a header."""
    if not minimum <= len(password) <= MAXIMUM:
        raise RequestInvalid(f"a password has {minimum} to {MAXIMUM} characters; this one has {len(password)}")
    if _UNPRINTABLE.search(password):
        raise RequestInvalid("a password has no control characters: clients could not send them")
    if tokens.has_our_form(password):
        raise RequestInvalid("that is one of the registry's own secrets, which are never taken for a password")


def generate() -> str:
    """A password of 144 random bits."""
    return secrets.token_urlsafe(18)


class Passwords:
    """Makes and checks hashes. One per process: the limits on memory and cores are the process's."""

    def __init__(self, now: Callable[[], float], matches: Callable[[str | None, str], bool] | None = None) -> None:
        self._now = now
        self._matches = matches or is_match
        self._key = secrets.token_bytes(32)
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="argon2")
        self._accepted = 0
        self._checking: dict[bytes, asyncio.Future[bool]] = {}
        self._remembered: OrderedDict[bytes, float] = OrderedDict()

    async def hash(self, password: str) -> str:
        """What to store of a password. Raises TooManyRequests."""
        return await asyncio.shield(self._in_thread(HASHER.hash, password))

    def remembers(self, name: str, generation: int, password: str) -> bool:
        """Whether the password was right less than a minute ago; takes microseconds."""
        return self._is_remembered(self._proof(name, generation, password))

    async def is_right(self, name: str, generation: int, stored: str | None, password: str) -> bool:
        """Whether ``password`` is the one whose hash is ``stored``; None, for no such account, takes as long.

        Of several equal questions at once only one is worked on. Raises TooManyRequests.
        """
        proof = self._proof(name, generation, password)
        if self._is_remembered(proof):
            return True
        # Shielded: the client that asked first may go away while others wait for the same answer.
        return await asyncio.shield(self._checking.get(proof) or self._check(proof, stored, password))

    def remember(self, name: str, generation: int, password: str) -> None:
        """It was right, as somebody else has found out."""
        self._remember(self._proof(name, generation, password))

    def _proof(self, name: str, generation: int, password: str) -> bytes:
        # BLAKE2b has its key built in (RFC 7693), and costs a third of an HMAC: this is on the way of every request.
        return hashlib.blake2b(f"{generation}:{name}:{password}".encode(), key=self._key, digest_size=32).digest()

    def _is_remembered(self, proof: bytes) -> bool:
        until = self._remembered.get(proof)
        if until is None:
            return False
        if self._now() >= until:
            del self._remembered[proof]
            return False
        self._remembered.move_to_end(proof)
        return True

    def _check(self, proof: bytes, stored: str | None, password: str) -> asyncio.Future[bool]:
        check = self._in_thread(self._matches, stored, password)
        self._checking[proof] = check
        check.add_done_callback(lambda done: self._checked(proof, done))
        return check

    def _checked(self, proof: bytes, check: asyncio.Future[bool]) -> None:
        del self._checking[proof]
        # Wrong passwords are not remembered: there is no end of them.
        if not check.cancelled() and check.exception() is None and check.result():
            self._remember(proof)

    def _remember(self, proof: bytes) -> None:
        self._remembered[proof] = self._now() + REMEMBER_SECONDS
        if len(self._remembered) > REMEMBER_AT_MOST:
            self._remembered.popitem(last=False)

    def _in_thread(self, call: Callable[P, T], *args: P.args, **_: P.kwargs) -> asyncio.Future[T]:
        if self._accepted >= AT_ONCE + WAITING:
            raise TooManyRequests("too many passwords are being checked: try again in a second", retry_after=1)
        self._accepted += 1
        result = asyncio.get_running_loop().run_in_executor(self._threads, call, *args)
        result.add_done_callback(self._leave)
        return result

    def _leave(self, _: asyncio.Future[T]) -> None:
        self._accepted -= 1

    def close(self) -> None:
        """Give back the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def is_match(stored: str | None, password: str) -> bool:
    """Whether ``stored`` is a hash of ``password``; None is no hash of anything, which takes as long to find out."""
    try:
        return HASHER.verify(stored or NOBODY, password) and stored is not None
    except (VerifyMismatchError, InvalidHashError):
        return False
