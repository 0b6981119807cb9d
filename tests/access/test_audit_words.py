"""The guide lists every word that the source writes into the audit trail, and no other."""

import ast
import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path

from wharfinger.access.actions import Action
from wharfinger.access.applying import _NOUNS, _VERBS, _WORDS
from wharfinger.access.planning import _NOUN_ORDER

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs/guides/audit.md").read_text()

BY_POLICY = {
    _WORDS.get(word, word)
    for noun, verb in product(_NOUN_ORDER, _VERBS.values())
    if (word := f"{_NOUNS.get(noun, noun)}.{verb}")
    not in {"group.change", "member.change", "grant.change", "trust.change"}  # these are removed and added
}
COMPUTED = {
    "_WORDS.get(word, word)": BY_POLICY,
    "f'{row.kind}.add'": {"secret.add", "token.add"},
    "f'{row.kind}.remove'": {"secret.remove", "token.remove"},
    "_word(after, 'change')": {"account.change", "service-account.change"},
    "_word(gone, 'remove')": {"account.remove", "service-account.remove"},
    "str(match.route.needs)": {action.value for action in Action},
    "action": set[str](),  # what was passed on is found where it was said
}
"""What an expression in the source can be; one that is new needs a row here."""


def written() -> Iterator[str]:
    """The words given to ``entry(…)`` and ``Entry(…)`` anywhere in the source."""
    for file in sorted((ROOT / "src").rglob("*.py")):
        tree = ast.parse(source := file.read_text())
        constants = dict(_constants(tree))
        of_the_trail = "wharfinger.meta.audit import" in source  # an archive has entries, too
        for node in ast.walk(tree):
            word = _word(node, of_the_trail=of_the_trail)
            if word is not None:
                yield from _values(word, constants)


def _word(node: ast.AST, *, of_the_trail: bool) -> ast.expr | None:
    if not isinstance(node, ast.Call):
        return None
    named = [keyword.value for keyword in node.keywords if keyword.arg == "action"]
    match node.func:
        case ast.Attribute(attr="entry"):
            return named[0] if named else node.args[0]
        case ast.Name(id="Entry") if of_the_trail and (named or len(node.args) > 1):  # else read back from a file
            return named[0] if named else node.args[1]
    return None


def _constants(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(value))):
                yield name, value
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
                for one, other in zip(names, values, strict=True):
                    if isinstance(one, ast.Name) and isinstance(other, ast.Constant):
                        yield one.id, str(other.value)


def _values(word: ast.expr, constants: dict[str, str]) -> set[str]:
    match word:
        case ast.Constant(value=str(value)):
            return {value}
        case ast.IfExp(body=one, orelse=other):
            return _values(one, constants) | _values(other, constants)
        case ast.Name(id=name) if name in constants:
            return {constants[name]}
    said = ast.unparse(word)
    assert said in COMPUTED, f"what words can {said} be?"
    return COMPUTED[said]


def listed() -> set[str]:
    """The words in the first column of the guide's table."""
    table = GUIDE.partition("| action | when |")[2].partition("\n\n")[0]
    first = " ".join(row.split("|")[1] for row in table.splitlines() if row)
    return set(re.findall(r"`([a-z.-]+)`", first))


def test_the_guide_lists_every_word_and_no_other() -> None:
    outcomes = {"failed", "denied"}
    found = set(written())
    assert len(found) > 40
    of_requests = {action.value for action in Action}
    assert found - of_requests - listed() == set()
    assert listed() - found - outcomes == set()
