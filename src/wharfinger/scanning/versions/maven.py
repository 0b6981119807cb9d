"""Maven: numbers and qualifiers, parted by dots and dashes, as Maven 3.8 compares them.

A dash, and the change between letters and digits, begin a list within the list; since nothing ever follows such a list,
a version is one row of items with signs where lists begin.

Maven's own order is not quite one: ``1.sp.2`` > ``1`` > ``1-snapshot`` > ``1.sp.2``. No key can say that, so in such a
circle the key keeps to the order with the plain release, which is what ranges are about; ``compare`` is Maven's own.
"""

import re
from itertools import zip_longest

from wharfinger.scanning.versions.encoding import checked, number, word

_PIECE = re.compile(r"[0-9]+|[^0-9.-]+|[.-]")
_QUALIFIERS = {"alpha": 1, "beta": 2, "milestone": 3, "rc": 4, "snapshot": 5, "": 6, "sp": 7}
_UNKNOWN = 8
_EARLY = frozenset(("alpha", "beta", "milestone", "rc", "snapshot"))
_ALIASES = {"ga": "", "final": "", "release": "", "cr": "rc"}
_BEFORE_A_NUMBER = {"a": "alpha", "b": "beta", "m": "milestone"}
_LIST = "["

# At one place of two versions, from least to greatest. A shorter version goes on with nothing, which a zero and the
# word of a release equal; so these two take their rank from what follows them.
_EARLY_WORD, _RELEASE_THEN_EARLY, _EARLY_LIST, _ZERO_THEN_EARLY, _END = (bytes((mark,)) for mark in range(1, 6))
_RELEASE_THEN_LATE, _LATE_WORD, _LATE_LIST, _ZERO_THEN_LATE, _NUMBER = (bytes((mark,)) for mark in range(6, 11))
NOTHING_MORE = _END[0]


def key(version: str) -> bytes:
    return _encoded(_items(_PIECE.findall(checked(version).lower())))


def compare(one: str, other: str) -> int:
    """-1, 0 or 1, also within a circle."""
    rows = [_items(_PIECE.findall(checked(each).lower())) for each in (one, other)]
    for at, (left, right) in enumerate(zip_longest(*rows)):
        if left == right:
            continue
        if left is None:
            return -_beside_nothing(rows[1][at:])
        if right is None:
            return _beside_nothing(rows[0][at:])
        return 1 if _rank(left) > _rank(right) else -1
    return 0


def _beside_nothing(rest: list[str]) -> int:
    """Whether what goes on here is more than what ends here."""
    telling = next((item for item in rest if item not in {_LIST, "0", ""}), None)
    return 0 if telling is None else -1 if telling in _EARLY else 1


def _rank(item: str) -> tuple[int, int, bytes]:
    """Words before lists before numbers."""
    if item == _LIST:
        return 1, 0, b""
    if item.isdecimal():
        return 2, 0, number(item)
    return 0, _QUALIFIERS.get(item, _UNKNOWN), b"" if item in _QUALIFIERS else item.encode()


def _items(pieces: list[str]) -> list[str]:
    """The row of items; what means nothing at the end of a list is left out."""
    lists: list[list[str]] = [[]]
    for at, piece in enumerate(pieces):
        following = pieces[at + 1] if at + 1 < len(pieces) else ""
        if piece in ".-":
            if at == 0 or pieces[at - 1] in ".-":
                lists[-1].append("0")
            if piece == "-":
                lists.append([])
        elif piece.isdecimal():
            lists[-1].append(piece.lstrip("0") or "0")
            if following and following not in ".-":
                lists.append([])
        else:
            _add_word(lists, piece, following)
    row: list[str] = []
    for each in reversed(lists):
        while each and each[-1] in {"0", ""}:
            each.pop()
        row = [*each, _LIST, *row] if row else each
    return row


def _add_word(lists: list[list[str]], piece: str, following: str) -> None:
    """``1.0.0.X1`` is read as ``1.0.0-X1``, but ``1.0.X.1`` is not."""
    before_number = following.isdecimal()
    if lists[-1] and (before_number or not following):
        lists.append([])
    name = _BEFORE_A_NUMBER.get(piece, piece) if before_number else piece
    lists[-1].append(_ALIASES.get(name, name))
    if before_number:
        lists.append([])


def _encoded(row: list[str]) -> bytes:
    out = [_END]
    early = False
    for item in reversed(row):
        if item == _LIST:
            out.append(_EARLY_LIST if early else _LATE_LIST)
        elif item == "0":
            out.append(_ZERO_THEN_EARLY if early else _ZERO_THEN_LATE)
        elif item == "":
            out.append(_RELEASE_THEN_EARLY if early else _RELEASE_THEN_LATE)
        elif item.isdecimal():
            early = False
            out.append(_NUMBER + number(item))
        else:
            early = item in _EARLY
            out.append(_word(item, early=early))
    return b"".join(reversed(out))


def _word(name: str, *, early: bool) -> bytes:
    rank = bytes((_QUALIFIERS.get(name, _UNKNOWN),))
    return (_EARLY_WORD if early else _LATE_WORD) + rank + (b"" if name in _QUALIFIERS else word(name))
