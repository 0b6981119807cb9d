"""What accounts may be called. Apart from what is done with them, for whoever only reads names."""

import re
from typing import NewType

from wharfinger.access.grants import ANONYMOUS
from wharfinger.errors import RequestInvalid

AccountName = NewType("AccountName", str)
"""A name that :func:`account_name` accepted."""

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?", re.ASCII)


def is_account_name(text: str) -> bool:
    """Whether an account may be called so."""
    return _NAME.fullmatch(text) is not None and text != ANONYMOUS


def account_name(text: str) -> AccountName:
    """The account name that ``text`` is. Raises RequestInvalid."""
    if is_account_name(text):
        return AccountName(text)
    raise RequestInvalid(
        f"invalid account name {text[:80]!r}: want at most 64 lower-case letters, digits, '.', '_' and '-', "
        f"the first and the last a letter or a digit, and not {ANONYMOUS!r}"
    )
