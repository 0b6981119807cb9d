"""Composer: its own normal form of a version, and the order PHP gives to the words in it."""

import re

from wharfinger.scanning.versions.encoding import VersionInvalid, checked, number

_STABILITY = r"[._-]?(?:(?P<word>stable|beta|b|rc|alpha|a|patch|pl|p)(?P<numbers>(?:[.-]?[0-9]+)*)?)?(?P<dev>[.-]?dev)?"
_NUMBERS = re.compile(r"v?(?P<release>[0-9]{1,5}(?:\.[0-9]+){0,3})" + _STABILITY)
_DATE = re.compile(r"v?(?P<release>[0-9]{4}(?:[.:-]?[0-9]{2}){1,6}(?:[.:-]?[0-9]{1,3}){0,2})" + _STABILITY)
_BRANCH = re.compile(r"v?(?P<release>[0-9]+(?:\.(?:[0-9]+|[x*])){0,3})-dev")

# dev < alpha < beta < rc < nothing more < a number < patch
_WORDS = {"dev": 1, "alpha": 2, "a": 2, "beta": 3, "b": 3, "rc": 4, "patch": 7, "pl": 7, "p": 7}
_END, _NUMBER = b"\x05", b"\x06"
_ANY = "9999999"
_FLAG = re.compile(r"@(?:stable|rc|beta|alpha|dev)\Z")


def key(version: str) -> bytes:
    plain = _FLAG.sub("", checked(version).lower()).partition("+")[0]
    match = _NUMBERS.fullmatch(plain)
    if match is not None:
        return _encoded([*match["release"].split("."), "0", "0", "0"][:4], match)
    match = _DATE.fullmatch(plain)
    if match is not None:
        return _encoded(re.split(r"[.:-]", match["release"]), match)
    match = _BRANCH.fullmatch(plain)
    if match is None:
        raise VersionInvalid(f"{version!r} is no version of a Composer package")
    parts = [_ANY if part in {"x", "*"} else part for part in match["release"].split(".")]
    return _release([*parts, _ANY, _ANY, _ANY][:4]) + bytes((_WORDS["dev"],)) + _END


def _release(numbers: list[str]) -> bytes:
    return b"".join(_NUMBER + number(each) for each in numbers)


def _encoded(numbers: list[str], match: re.Match[str]) -> bytes:
    out = [_release(numbers)]
    if match["word"] == "stable":
        return b"".join(out) + _END
    if match["word"]:
        out.append(bytes((_WORDS[match["word"]],)))
        out += [_NUMBER + number(digits) for digits in re.findall(r"[0-9]+", match["numbers"] or "")]
    if match["dev"]:
        out.append(bytes((_WORDS["dev"],)))
    return b"".join(out) + _END
