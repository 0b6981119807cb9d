"""Harbor's patterns: doublestar 1.3.4, which goes part by part: ``**`` spans parts only where it is a whole one.

``*`` ``?`` ``[a-z]`` ``[^x]`` stay within a part, ``{a,b}`` may be nested and may have a ``/`` in it, a backslash makes
a letter itself, and no pattern at all matches everything.

Sources: bmatcuk/doublestar 1.3.4 with its tests; Harbor, src/lib/selector/selectors/doublestar.
"""

import re
from dataclasses import dataclass
from itertools import groupby

from wharfinger.errors import RequestInvalid
from wharfinger.select import WORDS

LENGTH_AT_MOST = 512
ALTERNATIVES_AT_MOST = 100
_SIMPLE = re.compile(r"[0-9A-Za-z._-]*(\*[0-9A-Za-z._-]+)*\*?")


@dataclass(frozen=True, slots=True)
class _Token:
    """One thing of a pattern. ``kind`` is a sign of the pattern language, or empty for what stands for itself."""

    kind: str
    expression: str
    source: str


def tags(pattern: str) -> object:
    """The selector of the tags that match. Raises RequestInvalid."""
    if "/" not in pattern:
        pattern = re.sub(r"(?<!\\)\*{2,}", "*", pattern)  # a tag is one part
    if not pattern or pattern == "*":
        return "*"
    found = _alternatives(pattern)
    sources = ["".join(token.source for token in tokens) for tokens in found]
    if all(source and source not in WORDS and _SIMPLE.fullmatch(source) for source in sources):
        return sources[0] if len(sources) == 1 else list(dict.fromkeys(sources))
    return {"regex": _joined(found)}


def repositories(pattern: str) -> object:
    """The selector of the repositories whose name after the project matches. Raises RequestInvalid.

    A name without a project, which Harbor never has, is taken as it is.
    """
    if pattern in {"", "**"}:
        return "**"
    expression = _joined(_alternatives(pattern))
    return {"any": [{"regex": f"[^/]+/(?:{expression})"}, {"all": [{"regex": "[^/]+"}, {"regex": expression}]}]}


def _alternatives(pattern: str) -> list[list[_Token]]:
    if len(pattern) > LENGTH_AT_MOST:
        raise RequestInvalid(f"a pattern of more than {LENGTH_AT_MOST} characters")
    tokens = _tokens(pattern)
    _refuse_doubtful(tokens, pattern)
    return _expanded(_paired(tokens), pattern)


def _paired(tokens: list[_Token]) -> list[_Token]:
    """With ``**`` as one token: two stars that meet when braces between them turn out empty are none."""
    found: list[_Token] = []
    for _, run in groupby(tokens, key=lambda token: token.kind == "*"):
        some = list(run)
        found += [_Token("**", "[^/]*", "**")] if [token.kind for token in some] == ["*", "*"] else some
    return found


def _tokens(pattern: str) -> list[_Token]:
    found, i = [], 0
    while i < len(pattern):
        letter = pattern[i]
        if letter == "\\":
            if i + 1 == len(pattern):
                raise RequestInvalid(f"{pattern[:80]!r} ends with a backslash")
            found.append(_Token("", re.escape(pattern[i + 1]), pattern[i : i + 2]))
            i += 2
        elif letter == "[":
            token = _class(pattern, i)
            found.append(token)
            i += len(token.source)
        else:
            found.append(_Token(letter if letter in "*?{},/" else "", re.escape(letter), letter))
            i += 1
    return found


def _class(pattern: str, begin: int) -> _Token:
    end = pattern.find("]", begin)
    inside = pattern[begin + 1 : end].removeprefix("^")
    if end < 0 or not inside or any(letter in "[\\/" for letter in inside):
        raise RequestInvalid(
            f"{pattern[:80]!r} has a class that is not translated: none of [ \\ / in it, and not empty"
        )
    if re.search("-", inside) and not re.fullmatch(r"(?:[0-9A-Za-z]-[0-9A-Za-z]|[^-])+", inside):
        raise RequestInvalid(f"{pattern[:80]!r} has a class that is not translated: - only between letters or digits")
    for low, high in re.findall(r"(.)-(.)", inside):
        if low > high or (low < "/" < high):
            raise RequestInvalid(f"{pattern[:80]!r} has an impossible range {low}-{high}")
    escaped = re.sub(r"([\^&~|])", r"\\\1", inside)
    negated = "^/" if pattern.startswith("^", begin + 1) else ""
    return _Token("[", f"[{negated}{escaped}]", pattern[begin : end + 1])


def _refuse_doubtful(tokens: list[_Token], pattern: str) -> None:
    # Whether ** in or beside braces is a whole part depends on how far doublestar has come: not worth being wrong.
    depth = 0
    for i, token in enumerate(tokens):
        depth += {"{": 1, "}": -1}.get(token.kind, 0)
        if depth < 0:
            raise RequestInvalid(f"{pattern[:80]!r} closes a brace that it did not open")
        if [one.kind for one in tokens[i : i + 2]] == ["*", "*"]:
            beside = tokens[max(i - 1, 0) : i] + tokens[i + 2 : i + 3]
            if depth or any(one.kind in {"{", "}"} for one in beside):
                raise RequestInvalid(f"{pattern[:80]!r} is not translated: it has ** in or beside braces")
    if depth:
        raise RequestInvalid(f"{pattern[:80]!r} opens a brace and does not close it")


def _expanded(tokens: list[_Token], pattern: str) -> list[list[_Token]]:
    """Without braces, as many as it takes."""
    waiting, done = [tokens], []
    while waiting:
        one = waiting.pop(0)
        opening = next((i for i, token in enumerate(one) if token.kind == "{"), None)
        if opening is None:
            done.append(one)
        else:
            options, closing = _options(one, opening)
            waiting += [[*one[:opening], *option, *one[closing + 1 :]] for option in options]
        if len(waiting) + len(done) > ALTERNATIVES_AT_MOST:
            raise RequestInvalid(f"{pattern[:80]!r} has more than {ALTERNATIVES_AT_MOST} alternatives")
    return done


def _options(tokens: list[_Token], opening: int) -> tuple[list[list[_Token]], int]:
    options: list[list[_Token]] = [[]]
    depth = 0
    for i in range(opening, len(tokens)):
        token = tokens[i]
        depth += {"{": 1, "}": -1}.get(token.kind, 0)
        if depth == 0:
            return options, i
        if token.kind == "," and depth == 1:
            options.append([])
        elif i > opening:
            options[-1].append(token)
    raise AssertionError("braces were found to be balanced")


def _joined(alternatives: list[list[_Token]]) -> str:
    expressions = dict.fromkeys(_expression(tokens) for tokens in alternatives)
    return "|".join(expressions) if len(expressions) > 1 else next(iter(expressions))


def _expression(tokens: list[_Token]) -> str:
    parts: list[list[_Token]] = [[]]
    for token in tokens:
        if token.kind == "/":
            parts.append([])
        else:
            parts[-1].append(token)
    out = ""
    for i, part in enumerate(parts):
        last = i == len(parts) - 1
        if [token.kind for token in part] == ["**"]:
            out += ".*" if last else "(?:.*/)?"
        else:
            out += "".join(map(_within_part, part)) + ("" if last else "/")
    return out


def _within_part(token: _Token) -> str:
    return {"*": "[^/]*", "?": "[^/]"}.get(token.kind, token.expression)
