"""The documents say what is so."""

import re
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from tests.kit.memory_store import MemoryStore
from wharfinger.access.actions import ROLES, Action
from wharfinger.blobs.wrap import Measured
from wharfinger.cli import reference
from wharfinger.registry.collect_metrics import CollectMetrics
from wharfinger.scanning.admission.metrics import GateMetrics
from wharfinger.scanning.metrics import ScanMetrics
from wharfinger.web.metrics import RequestMetrics, exception_gauges, journal_gauge, silent_reporters

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)[^)]*\)")


def test_the_page_on_commands_is_made_from_the_commands() -> None:
    page = (ROOT / "docs/guides/commands.md").read_text()
    assert page == reference.reference(), "python -m wharfinger.cli.reference > docs/guides/commands.md"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_something(page: Path) -> None:
    for target in LINK.findall(page.read_text()):
        assert (page.parent / target).exists(), target


def test_every_metric_is_on_the_page_on_running() -> None:
    registry = CollectorRegistry()
    RequestMetrics(registry)
    journal_gauge(registry)
    exception_gauges(registry)
    silent_reporters(registry)
    Measured(MemoryStore(), registry)
    CollectMetrics(registry)
    ScanMetrics(registry)
    GateMetrics(registry)
    page = (ROOT / "docs/guides/running.md").read_text()
    for metric in registry.collect():
        assert f"`{metric.name}" in page, metric.name


def test_the_guide_has_what_each_role_may_do() -> None:
    page = (ROOT / "docs/guides/access.md").read_text()
    head, _, *rows = re.findall(r"^\| role \|.*?\n\n", page, re.MULTILINE | re.DOTALL)[0].strip().splitlines()
    assert _cells(head) == ["role", *Action]
    assert {name.strip("`"): marks for name, *marks in map(_cells, rows)} == {
        name: ["✓" if action in actions else "" for action in Action] for name, actions in ROLES.items()
    }


def _cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip("|").split("|")]


def test_a_decision_is_at_most_thirty_lines() -> None:
    for page in (ROOT / "docs/decisions").glob("0*.md"):
        assert len(page.read_text().splitlines()) <= 30, page.name
