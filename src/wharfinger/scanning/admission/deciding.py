"""May it be pulled? From the one row, the rules in memory and the clock. Pure but for the row's type."""

from collections.abc import Callable
from dataclasses import dataclass

from wharfinger.meta.gates import Row
from wharfinger.scanning.admission.rules import Joined, Outcome
from wharfinger.scanning.admission.standing import Standing, Turn, Why


@dataclass(frozen=True, slots=True)
class Answer:
    """What becomes of a pull; ``why`` where it is not simply allowed."""

    outcome: Outcome
    why: Why | None = None


def decide(rules: Joined, row: Row | None, now: float, age: float, is_image: Callable[[], bool]) -> Answer:
    """The strictest of what the row says, of what holds without a row by these rules, and of what old advisories mean.

    A row by other rules stands until there is another, and beside it the image counts as unscanned. ``is_image`` is
    asked only where there is no row: what has no file system is never scanned.
    """
    if row is None and not is_image():
        return Answer(Outcome.ALLOW)
    said = [] if row is None else [Answer(*standing_of(row).at(now))]
    if row is None or row.rules != rules.id:
        placed = rules.placed("unscanned")
        said.append(Answer(placed.outcome, Why("unscanned" if row is None else "rejudging", placed.rule)))
    stale = rules.stale(age)
    if stale is not None:
        said.append(Answer(stale.outcome, Why("stale", stale.rule)))
    return max(said, key=lambda each: each.outcome.rank)


def standing_of(row: Row) -> Standing:
    """How the image stands, as the row keeps it."""
    return Standing(_turn(row.warns_from, row.warns_why), _turn(row.blocks_from, row.blocks_why))


def row_of(rules: Joined, standing: Standing) -> Row:
    """The row that keeps it."""
    warns, blocks = standing.warns, standing.blocks
    return Row(
        rules.id,
        warns.at if warns else None,
        warns.why.text if warns else "",
        blocks.at if blocks else None,
        blocks.why.text if blocks else "",
    )


def _turn(at: float | None, why: str) -> Turn | None:
    return None if at is None else Turn(at, Why.of(why))
