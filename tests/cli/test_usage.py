"""``wharf usage``: the same figures as a table, as CSV, as JSON, and as money."""

import csv
import io
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.cli.server import Server, Wharf
from tests.kit.images import image

SHARED = b"s" * 4000
WEB, API = image(layers=[SHARED, b"w" * 1000], seed=71), image(layers=[SHARED, b"a" * 2000], seed=72)


@pytest.fixture
def figures(admin: Wharf, server: Server) -> Iterator[dict[str, Any]]:
    """The figures of two repositories that share a layer, once they are added up."""
    server.push("usage-cli/web", WEB, "1")
    server.push("usage-cli/api", API, "1")
    for _ in range(600):
        found = {row["name"]: row for row in admin.done("usage", "--json").json if row["name"].startswith("usage-cli/")}
        if len(found) == 2 and all(0 < row["exclusive"] < row["bytes"] for row in found.values()):
            yield found
            return
        time.sleep(0.1)
    raise AssertionError(f"the figures were not added up: {found}")


def test_the_figures_are_rows_csv_and_money(admin: Wharf, figures: dict[str, Any]) -> None:
    for name, pushed in (("usage-cli/web", WEB), ("usage-cli/api", API)):
        size = sum(map(len, pushed.blobs.values()))
        assert figures[name] == {
            "name": name,
            "blobs": 3,
            "bytes": size,
            "exclusive": size - len(SHARED),
            "owner": None,
        }
    web = figures["usage-cli/web"]
    assert ["-" if value is None else str(value) for value in web.values()] in admin.done("usage").rows
    text = admin.done("usage", "--csv", "--price", "1000").out
    assert text.splitlines()[0] == "name,blobs,bytes,exclusive,owner,cost"
    (row,) = [row for row in csv.DictReader(io.StringIO(text)) if row["name"] == "usage-cli/web"]
    assert row == {**{key: str(value or "") for key, value in web.items()}, "cost": str(round(web["bytes"] / 1e6, 4))}
    assert float(row["cost"]) > 0


def test_a_namespace_is_the_sum_of_its_repositories(admin: Wharf, figures: dict[str, Any]) -> None:
    (row,) = [row for row in admin.done("usage", "--by", "namespace").rows if row[0] == "usage-cli"]
    sums = [sum(each[key] for each in figures.values()) for key in ("bytes", "exclusive")]
    assert row == ["usage-cli", "2", *map(str, sums)]


def test_what_deleting_an_image_gives_back(admin: Wharf, figures: dict[str, Any]) -> None:
    (row,) = admin.done("usage", "--without", "usage-cli/web:1", "--json").json
    own = figures["usage-cli/web"]["exclusive"]
    assert row == {"image": "usage-cli/web:1", "manifests": 1, "blobs": 2, "bytes": own, "shared": len(SHARED)}
    assert "none is not known in usage-cli/web" in admin.refused("usage", "--without", "usage-cli/web:none")


def test_a_repository_is_told_day_by_day(admin: Wharf, server: Server, figures: dict[str, Any]) -> None:
    day = int(time.time() // 86400) - 3
    with closing(sqlite3.connect(server.data / "wharf.db", timeout=30)) as db, db:
        sample = (
            "INSERT INTO usage_samples SELECT ?, id, 2000000000, 500 FROM repositories WHERE name = 'usage-cli/web'"
        )
        db.execute(sample, (day,))
    written = f"{time.strftime('%Y-%m-%d', time.gmtime(day * 86400))}"
    assert admin.done("usage", "usage-cli/web", "--price", "0.5").rows == [[written, "2000000000", "500", "1.0"]]
    assert admin.done("usage", "usage-cli/web", "--days", "2", "--csv").out == ""
    assert figures.keys() == {"usage-cli/web", "usage-cli/api"}


def test_the_whole_store_and_questions_that_exclude_each_other(admin: Wharf, figures: dict[str, Any]) -> None:
    (row,) = admin.done("usage", "--store", "--json").json
    assert row["bytes"] >= row["held"] >= max(each["bytes"] for each in figures.values())
    assert "ask one of them" in admin.refused("usage", "usage-cli/web", "--store")
