"""RPM's databases of all three kinds, written from their descriptions, around headers of a few tags."""

import sqlite3
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

_TAGS = {"name": 1000, "version": 1001, "release": 1002, "epoch": 1003, "vendor": 1011, "arch": 1022, "source": 1044}
_TAGS |= {"folder-of": 1116, "base-names": 1117, "folders": 1118, "modularity": 5096}
_PAGE = 4096

Value = str | Sequence[int] | Sequence[str]


def header(**values: Value) -> bytes:
    """A package's header: ``header(name="bash", version="5", release="1", epoch=[1])``."""
    index, store = b"", b""
    for key, value in values.items():
        tag = _TAGS[key.replace("_", "-")]
        if isinstance(value, str):
            kind, count, raw = 6, 1, value.encode() + b"\0"
        elif isinstance(value[0], int):
            store += bytes(-len(store) % 4)
            kind, count, raw = 4, len(value), struct.pack(f">{len(value)}I", *value)
        else:
            kind, count, raw = 8, len(value), b"".join(str(each).encode() + b"\0" for each in value)
        index += struct.pack(">IIII", tag, kind, len(store), count)
        store += raw
    return struct.pack(">II", len(values), len(store)) + index + store


def sqlite(path: Path, headers: Sequence[bytes], *, logged: Sequence[bytes] = ()) -> Mapping[str, bytes]:
    """``rpmdb.sqlite``, and beside it a write-ahead log where some packages are in that alone."""
    database = sqlite3.connect(path)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)")
    database.executemany("INSERT INTO Packages (blob) VALUES (?)", [(each,) for each in headers])
    database.commit()
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.executemany("INSERT INTO Packages (blob) VALUES (?)", [(each,) for each in logged])
    database.commit()
    log = path.with_name(f"{path.name}-wal")
    files = {"rpmdb.sqlite": path.read_bytes(), "rpmdb.sqlite-wal": log.read_bytes()}
    database.close()
    return files


def ndb(headers: Sequence[bytes]) -> bytes:
    """``Packages.db``: a page of slots, then the headers in blocks of sixteen bytes."""
    slots, blobs = struct.pack("<4sIII16x", b"RpmP", 0, 1, 1), b""
    for number, each in enumerate(headers, start=1):
        blob = struct.pack("<4sIII", b"BlbS", number, 1, len(each)) + each
        blob += bytes(-len(blob) % 16) + b"BlbE" + bytes(12)
        slots += struct.pack("<4sIII", b"Slot", number, (_PAGE + len(blobs)) // 16, len(blob) // 16)
        blobs += blob
    return slots.ljust(_PAGE, b"\0") + blobs


def bdb(headers: Sequence[bytes], order: str = "<") -> bytes:
    """``Packages``: a hash of one page, whose larger values are in pages of their own."""
    items: list[bytes] = []
    overflow: list[bytes] = []
    for number, each in enumerate(headers, start=1):
        items.append(b"\1" + struct.pack(f"{order}I", number))
        if len(each) < 500:
            items.append(b"\1" + each)
            continue
        items.append(struct.pack(f"{order}B3xII", 3, 2 + len(overflow), len(each)))
        parts = [each[at : at + _PAGE - 26] for at in range(0, len(each), _PAGE - 26)]
        for index, part in enumerate(parts):
            place = 2 + len(overflow)
            following = place + 1 if index + 1 < len(parts) else 0
            overflow.append(_page(order, place, following, 1, len(part), 7) + part.ljust(_PAGE - 26, b"\0"))
    meta = struct.pack(f"{order}8xIIII", 0, 0x061561, 9, _PAGE)
    meta = (meta + bytes(8) + struct.pack(f"{order}I", 1 + len(overflow))).ljust(_PAGE, b"\0")
    return meta + _hash_page(order, items) + b"".join(overflow)


def _page(order: str, number: int, following: int, count: int, used: int, kind: int) -> bytes:
    return struct.pack(f"{order}8xIIIHHBB", number, 0, following, count, used, 0, kind)


def _hash_page(order: str, items: Sequence[bytes]) -> bytes:
    """The items from the page's end downwards, their places after its header."""
    places, content = [], b""
    for item in items:
        content = item + content
        places.append(_PAGE - len(content))
    head = _page(order, 1, 0, len(items), 0, 13) + struct.pack(f"{order}{len(places)}H", *places)
    return head + bytes(_PAGE - len(head) - len(content)) + content
