"""The frame of SARIF 2.1.0 that all our findings share, for the places where others are looked at. Pure."""

from collections.abc import Sequence
from typing import Any

from wharfinger import __version__

Fields = dict[str, Any]


def log(tool: str, rules: Sequence[Fields], results: Sequence[Fields], **run: Any) -> Fields:
    """The log of one run. Results are given their rule's index; ``run`` is what else the run says."""
    index = {rule["id"]: number for number, rule in enumerate(rules)}
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": tool, "version": __version__, "rules": list(rules)}},
                "results": [_numbered(result, index[result["ruleId"]]) for result in results],
                "columnKind": "unicodeCodePoints",
                **run,
            }
        ],
    }


def _numbered(result: Fields, index: int) -> Fields:
    first = {"ruleId": result["ruleId"], "ruleIndex": index}
    return first | {name: value for name, value in result.items() if name not in first}
