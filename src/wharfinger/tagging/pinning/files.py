"""Reads files and replaces them whole, or not at all."""

import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from wharfinger.errors import Refusal, TooLarge
from wharfinger.tagging.pinning import finding

BYTES_AT_MOST = 4 * 1024 * 1024
FILES_AT_MOST = 20_000
_HIDDEN_YET_LOOKED_INTO = frozenset({".github", ".gitlab"})
_NEVER_LOOKED_INTO = frozenset({"node_modules"})


@dataclass(frozen=True, slots=True)
class Source:
    """A file as it was read."""

    path: Path
    raw: bytes
    text: str


def read(path: Path) -> Source:
    """The file, its line ends and marks as they are. Raises Refusal."""
    try:
        with path.open("rb") as opened:
            raw = opened.read(BYTES_AT_MOST + 1)
    except OSError as error:
        raise Refusal(f"cannot read it: {error.strerror}") from error
    if len(raw) > BYTES_AT_MOST:
        raise TooLarge(f"more than {BYTES_AT_MOST} bytes")
    try:
        return Source(path, raw, raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise Refusal("not text in UTF-8") from error


def replace(source: Source, text: str) -> None:
    """Put the text in the file's place: whoever reads meanwhile sees the old one or the new one, whole.

    Mode and links stay as they are. Raises Refusal, with nothing changed, where the file is not what was read.
    """
    try:
        _replace(source, text.encode("utf-8"))
    except OSError as error:
        raise Refusal(f"{source.path}: cannot write it: {error.strerror}") from error


def _replace(source: Source, content: bytes) -> None:
    target = source.path.resolve(strict=True)  # a link stays one
    known = target.stat()
    if not os.access(target, os.W_OK):
        raise Refusal(f"{source.path}: cannot write it: it is read-only")
    beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            with suppress(PermissionError):
                os.fchown(stream.fileno(), known.st_uid, known.st_gid)
            os.fchmod(stream.fileno(), known.st_mode & 0o7777)
            os.fsync(stream.fileno())
        _require_unchanged(source, target)
        beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _require_unchanged(source: Source, target: Path) -> None:
    if target.read_bytes() != source.raw:
        raise Refusal(f"{source.path}: it was changed meanwhile, and is left as it is: run the command again")


def listed(paths: Sequence[Path], exclude: Sequence[str]) -> Iterator[Path]:
    """The files that are named, and in folders those that may hold references, in order. Raises Refusal."""
    seen: set[Path] = set()
    for path in paths:
        found = _walk(path) if path.is_dir() else iter([path])
        for file in found:
            if file not in seen and not _is_excluded(file, exclude):
                seen.add(file)
                yield file
            if len(seen) > FILES_AT_MOST:
                raise Refusal(f"more than {FILES_AT_MOST} files: name fewer folders, or use --exclude")


def _walk(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if _is_looked_into(name))
        yield from (
            Path(place) / name for name in sorted(files) if finding.is_known(name) and (Path(place) / name).is_file()
        )


def _is_looked_into(name: str) -> bool:
    hidden = name.startswith(".") and name not in _HIDDEN_YET_LOOKED_INTO
    return not hidden and name not in _NEVER_LOOKED_INTO


def _is_excluded(file: Path, exclude: Sequence[str]) -> bool:
    """Patterns are shell patterns of a path from its right end, as in ``*/templates/*`` or ``old.yaml``."""
    return any(file.match(pattern) or any(above.match(pattern) for above in file.parents) for pattern in exclude)
