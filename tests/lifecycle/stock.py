"""Images and policies as tests write them."""

from typing import Any

from wharfinger.lifecycle import images, reading, units
from wharfinger.lifecycle.evaluate import Verdict, evaluate

NOW = "2026-01-31T00:00:00Z"

DEFAULT = """
lifecycle:
  - name: default
    repositories: ["**"]
    rules:
      - keep:   {tags: "prod-*", newest: 10}
      - delete: {untagged_for: 7d}
      - keep:   {tagged_within: 30d}
      - delete: {}
"""


def ago(length: str) -> str:
    """The time so long before :data:`NOW`; a + or - after it for a microsecond more or less."""
    more = {"+": 1, "-": -1}.get(length[-1], 0)
    return units.written(units.moment(NOW) - units.duration(length.rstrip("+-")) - more)


def image(id: str, *tags: Any, pushed: str = "100d", **fields: Any) -> dict[str, Any]:
    return {"id": id, "tags": list(tags), "pushed": ago(pushed)} | fields


def tag(name: str, age: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "pushed": ago(age)} | fields


def policy(*rules: str, name: str = "p", repositories: str = "**", more: str = "") -> str:
    lines = [f"  - name: {name}", f"    repositories: '{repositories}'", "    rules:", *(f"      - {r}" for r in rules)]
    return "\n".join(([more] if more else ["lifecycle:"]) + lines)


def decide(text: str, *stock: dict[str, Any]) -> dict[str, Verdict]:
    """The verdict on each image, by its id."""
    verdicts = evaluate(reading.parse(text), images.parse(list(stock)), units.moment(NOW))
    return {verdict.id: verdict for verdict in verdicts}


def outcomes(text: str, *stock: dict[str, Any]) -> dict[str, str]:
    """The same, in a word."""
    return {id: verdict.verdict for id, verdict in decide(text, *stock).items()}
