"""Reading the audit trail: by whoever may ``audit`` everything, or of one repository whoever may there."""

import asyncio
import re
from pathlib import Path

from wharfinger.access import audit_keys
from wharfinger.access.actions import Action
from wharfinger.access.caller import Caller
from wharfinger.errors import PaginationInvalid, Refusal
from wharfinger.meta import audit, chain
from wharfinger.meta.audit import Filter, Record
from wharfinger.meta.chain import Checkpoint, Unsealed
from wharfinger.meta.db import Database
from wharfinger.spec import names

PAGE_AT_MOST = 1000
_LAST = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,20})?),([0-9]{1,18})", re.ASCII)


class Audit:
    """The trail as it is stored. It is a :class:`~wharfinger.access.verifying.Source` too.

    ``key`` is the file of the key that signs; only its public half is used here.
    """

    def __init__(self, db: Database, key: Path) -> None:
        self._db = db
        self._key = key

    async def search(self, by: Caller, wanted: Filter, last: str, limit: int) -> tuple[list[Record], str | None]:
        """Up to ``limit`` records, the newest first, and the ``last`` of the next page; None at the end.

        Raises Denied, NameInvalid and PaginationInvalid.
        """
        by.require(Action.AUDIT, names.repository(wanted.repository) if wanted.repository is not None else None)
        found = await self._db.read(audit.page, wanted, _position(last), limit + 1)
        shown = found[:limit]
        return shown, f"{shown[-1].at!r},{shown[-1].id}" if len(found) > limit else None

    async def key(self) -> str | None:
        """The public key; None where there is none to be read."""
        try:
            return (await asyncio.to_thread(audit_keys.load, self._key)).public
        except Refusal:
            return None

    async def start(self) -> Checkpoint | None:
        """Where the chain begins, if not at the first record."""
        return await self._db.read(chain.start)

    async def head(self) -> Checkpoint | None:
        """The newest signed head."""
        return await self._db.read(chain.latest_head)

    async def heads(self, last: int, limit: int) -> list[Checkpoint]:
        """Signed heads after number ``last``."""
        return await self._db.read(chain.heads, last, limit)

    async def after(self, number: int, limit: int) -> list[Record]:
        """Sealed records after ``number``, in their order."""
        return await self._db.read(chain.after, number, limit)

    async def unsealed(self) -> Unsealed:
        """What waits to be sealed."""
        return await self._db.read(chain.count_unsealed)


def _position(last: str) -> tuple[float, int] | None:
    """After which record a page begins."""
    if not last:
        return None
    match = _LAST.fullmatch(last)
    if match is None:
        raise PaginationInvalid(f"invalid last {last[:60]!r}: want the `next` of the page before")
    return float(match[1]), int(match[2])
