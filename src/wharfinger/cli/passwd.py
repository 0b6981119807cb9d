"""Setting a password in the database itself, whether or not a server is running on it."""

import asyncio
import os
import time
from pathlib import Path

from wharfinger.access.account_names import account_name
from wharfinger.access.accounts import Accounts, Change
from wharfinger.access.caller import system
from wharfinger.access.passwords import Passwords
from wharfinger.cli.config import loaded
from wharfinger.config.places import database_url
from wharfinger.errors import Refusal
from wharfinger.meta.db import open_database


def set_in_database(name: str, password: str, config: Path | None, data: str | None) -> None:
    """Change the password. Raises ConfigError, or Refusal when there is no such database or account."""
    url = database_url(loaded(config, {"data": data}).settings)
    require_database(url)
    asyncio.run(_set(url, name, password))


def require_database(url: str) -> None:
    """SQLite would make a new, empty one."""
    if url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).exists():
        raise Refusal(f"there is no registry's database at {url.removeprefix('sqlite:///')}: see --data, --config")


async def _set(url: str, name: str, password: str) -> None:
    db = open_database(url)
    passwords = Passwords(time.time)
    try:
        by = system("offline", time.time(), f"wharf users passwd, run by uid {os.getuid()}")
        accounts = Accounts(db, passwords, time.time, lambda: None)
        await accounts.change(by, account_name(name), Change(password=password))
    finally:
        passwords.close()
        await db.close()
