"""Mutable references as SARIF 2.1.0. Pure."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from wharfinger import sarif
from wharfinger.tagging.pinning.judging import RULES

LEVELS = {"not-pinnable": "warning"}


@dataclass(frozen=True, slots=True)
class Problem:
    """``file`` is relative to where the command runs, with slashes; columns count characters from one."""

    file: str
    rule: str
    reason: str
    shown: str = ""
    line: int = 1
    column: int = 1
    width: int = 0


def document(problems: Sequence[Problem]) -> dict[str, Any]:
    """The log of one run."""
    rules = sorted({problem.rule for problem in problems})
    return sarif.log("wharf pin", [_rule(rule) for rule in rules], [_result(problem) for problem in problems])


def _rule(rule: str) -> dict[str, Any]:
    return {
        "id": rule,
        "shortDescription": {"text": RULES[rule]},
        "defaultConfiguration": {"level": LEVELS.get(rule, "error")},
        "properties": {"tags": ["security", "supply-chain"]},
    }


def _remedy(problem: Problem) -> str:
    pinnable = problem.rule in {"no-tag", "latest", "mutable-tag"}
    return f" To pin it: wharf pin --write {problem.file}" if pinnable else ""


def _result(problem: Problem) -> dict[str, Any]:
    region: dict[str, Any] = {"startLine": problem.line, "startColumn": problem.column}
    if problem.width:
        region["endColumn"] = problem.column + problem.width
    name = f"{problem.shown}: " if problem.shown else ""
    # Without the line: a finding stays the same when others above it come and go.
    identity = f"{problem.file}\0{problem.rule}\0{problem.shown}"
    return {
        "ruleId": problem.rule,
        "level": LEVELS.get(problem.rule, "error"),
        "message": {"text": f"{name}{problem.reason}.{_remedy(problem)}"},
        "locations": [
            {"physicalLocation": {"artifactLocation": {"uri": quote(problem.file)}, "region": region}},
        ],
        "partialFingerprints": {"wharfPin/v1": hashlib.sha256(identity.encode()).hexdigest()[:32]},
    }
