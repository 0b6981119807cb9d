"""Advisories from a mirror: the hash of a whole file first, the file only if it differs, its records only if they do.

A mirror is any web server. Of a folder (a URL that ends in ``/``) the file ``SHA256SUMS`` is read, which
``sha256sum *.zip`` writes; of a single archive the file beside it with ``.sha256`` at its end, or else it is asked for
by its ETag.
"""

import contextlib
import hashlib
import re
import sqlite3
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import quote, unquote, urlsplit

from wharfinger.access.fetch import Answer, Fetch
from wharfinger.errors import Refusal, Unreachable
from wharfinger.scanning.advisories import building, reading
from wharfinger.scanning.advisories.reports import Imported

SECONDS = 1800.0
ARCHIVE_AT_MOST = 4 * 2**30
ARCHIVES_AT_MOST = 1000
_SUM = re.compile(r"([0-9a-f]{64})[ \t]+\*?(?:\./)?([A-Za-z0-9][A-Za-z0-9._ +-]*(?:/[A-Za-z0-9][A-Za-z0-9._ +-]*)*)")
_DIGEST = re.compile(r"\s*([0-9a-f]{64})\b")


@dataclass(frozen=True, slots=True)
class _Wanted:
    """An archive: where it is, what it is called here, and its hash and ETag as far as they are known."""

    url: str
    name: str
    sha256: str | None = None
    etag: str | None = None


async def update(
    url: str, database: Path, *, fetch: Fetch, private: bool = False, force: bool = False
) -> Imported | None:
    """Bring the database up to date with a mirror; None when it is. Raises Refusal, and changes nothing then."""
    known, tags = _known(database)
    wanted = await _listed(url, fetch, private) if url.endswith("/") else [await _single(url, fetch, private, tags)]
    wanted = [each for each in wanted if each.sha256 is None or known.get(each.name) != each.sha256]
    with tempfile.TemporaryDirectory(prefix="wharf-advisories-") as folder:
        found = [(each, await _download(each, Path(folder), fetch, private)) for each in wanted]
        fresh = [(each.url, answer) for each, answer in found if answer.status == 200]
        facts = {f"etag {url}": answer.headers["etag"][:200] for url, answer in fresh if "etag" in answer.headers}
        return building.bring_in(Path(folder), database, force=force, facts=facts) if fresh else None


def _known(database: Path) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """The hashes of the archives that the set was made from, and the ETags they came with."""
    if not database.exists() or not building.is_database(database):
        return {}, {}
    with contextlib.closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        hashes = dict(connection.execute("SELECT name, sha256 FROM container WHERE sha256 IS NOT NULL").fetchall())
        facts = dict(connection.execute("SELECT name, value FROM fact WHERE name LIKE 'etag %'").fetchall())
    return hashes, {name.removeprefix("etag "): value for name, value in facts.items()}


async def _listed(url: str, fetch: Fetch, private: bool) -> list[_Wanted]:
    answer = await fetch.send("GET", f"{url}SHA256SUMS", private=private)
    if answer.status != 200:
        raise Unreachable(f"{url}SHA256SUMS: answered {answer.status}, not 200; redirects are not followed")
    lines = answer.content.decode("utf-8", "replace").splitlines()
    found = [match for line in lines if (match := _SUM.fullmatch(line.strip())) and reading.is_archive(match[2])]
    if not found or len(found) > ARCHIVES_AT_MOST:
        raise Refusal(f"{url}SHA256SUMS: names no archive, or more than {ARCHIVES_AT_MOST}")
    wanted = [_Wanted(url + quote(match[2]), _name(match[2]), match[1]) for match in found]
    if len({each.name for each in wanted}) < len(wanted):
        raise Refusal(f"{url}SHA256SUMS: names two archives alike")
    return wanted


async def _single(url: str, fetch: Fetch, private: bool, tags: Mapping[str, str]) -> _Wanted:
    path = unquote(urlsplit(url).path)
    if not reading.is_archive(path):
        raise Refusal(f"{url}: want an archive, or a folder with SHA256SUMS in it, whose URL ends in /")
    answer = await fetch.send("GET", f"{url}.sha256", private=private)
    match = _DIGEST.match(answer.content.decode("utf-8", "replace")) if answer.status == 200 else None
    return _Wanted(url, _name(path), match[1] if match else None, tags.get(url))


def _name(path: str) -> str:
    """As it is called once it is in a folder here."""
    name = reading.stem(PurePosixPath(path))
    return "mirror" if name == "all" else name


async def _download(wanted: _Wanted, folder: Path, fetch: Fetch, private: bool) -> Answer:
    """The archive into the folder, unless it is still the one with this ETag."""
    suffix = next(each for each in reading.ARCHIVES if wanted.url.lower().endswith(each))
    file = folder / f"{wanted.name}{suffix}"
    digest = hashlib.sha256()
    headers = {"If-None-Match": wanted.etag} if wanted.etag and wanted.sha256 is None else {}
    with file.open("wb") as opened:

        def take(chunk: bytes) -> None:
            digest.update(chunk)
            opened.write(chunk)

        answer = await fetch.send("GET", wanted.url, headers=headers, private=private, size=ARCHIVE_AT_MOST, sink=take)
    if answer.status == 304 and headers:
        file.unlink()
        return answer
    if answer.status != 200:
        raise Unreachable(f"{wanted.url}: answered {answer.status}, not 200; redirects are not followed")
    if wanted.sha256 is not None and digest.hexdigest() != wanted.sha256:
        raise Refusal(f"{wanted.url}: its hash is {digest.hexdigest()}, and the mirror says {wanted.sha256}")
    return answer
