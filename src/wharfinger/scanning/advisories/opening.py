"""A set of advisories from whatever is at a path: a database, or archives and folders of records.

Records are brought into a database of their own in the cache folder, which the next time is only brought up to date.
"""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from wharfinger.errors import Refusal
from wharfinger.scanning.advisories import building
from wharfinger.scanning.advisories.database import Advisories


def open_advisories(path: Path, *, cache: Path | None = None) -> Advisories:
    """The set at the path. Raises Refusal where there is none. A folder without any record is an empty set."""
    if path.is_file() and building.is_database(path):
        return Advisories(path)
    if not path.exists():
        raise Refusal(f"{path}: there is no such file or folder")
    database = (cache or cache_folder(os.environ)) / f"{_name(path)}.db"
    if database.is_file() and not building.is_database(database):
        database.unlink()  # damaged, or of another version of ours: whatever it is, it can be made again
    # Forced, since what is at this path is what was asked for, however little it is.
    building.bring_in(path, database, force=True, exact=True)
    return Advisories(database)


def open_database(path: Path) -> Advisories:
    """The set in a database. Raises Refusal where there is none."""
    if not path.is_file():
        raise Refusal(f"{path}: there are no advisories yet; `wharf advisories import` brings them in")
    if not building.is_database(path):
        raise Refusal(f"{path} is no database of advisories")
    return Advisories(path)


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Where sets that were made from records are kept."""
    home = environment.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "wharfinger" / "advisories"


def _name(path: Path) -> str:
    """One set for each place, so that a mirror that grows does not leave a file for every day."""
    return hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:32]
