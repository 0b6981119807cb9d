"""Since when the registry knows that a version of a package has a vulnerability, whatever is said of it afterwards."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import text

from tests.conftest import Registry
from tests.kit.advisories import osv, up_to
from tests.scanning.test_on_push import FLASK, OPENSSL, Scanner, push
from wharfinger.meta.db import open_database
from wharfinger.meta.migrate import configuration, migrate
from wharfinger.meta.schema_judging import SEVERITIES

RATED = OPENSSL | {"severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]}
NAMELESS = osv("PYSEC-1", "PyPI", "flask", *up_to("1.0"))


_COUNTS = ", ".join(f"{kind}_{severity}" for kind in ("found", "fixable") for severity in SEVERITIES)
STATEMENTS = f"""
INSERT INTO advisory_sets (id, sha256, sources, begun_at) VALUES (3, 'a', '{{}}', 30), (5, 'b', '{{}}', 50);
INSERT INTO package_versions (id, key, type, name, version, purl, known_as, detail, covered)
    VALUES (1, 'x', 'npm', 'x', '1', 'pkg:npm/x@1', 'x', '{{}}', FALSE),
    (2, 'y', 'npm', 'y', '1', 'pkg:npm/y@1', 'y', '{{}}', FALSE);
INSERT INTO outcomes (id, key, ecosystem, {_COUNTS}) VALUES (1, 'o', 'npm'{", 0" * 12});
INSERT INTO findings (outcome, number, vulnerability, severity, state, body)
    VALUES (1, 0, 'CVE-1', 'high', 'affected', '{{}}');
INSERT INTO judgements (package, outcome, since) VALUES (1, 1, 2), (2, 1, 4);
INSERT INTO repositories (id, name, created_at) VALUES (1, 'shop/web', 0);
INSERT INTO manifests (repository_id, digest, media_type, annotations, size, pushed_at, raw)
    VALUES (1, 'sha256:1', 'm', '{{}}', 2, 40, '{{}}');
INSERT INTO scanned_images (id, digest, repository, config, platform, layers, cataloguer, isolation, scanned_at)
    VALUES (1, 'sha256:1', 'shop/web', 'c', '', '[]', 'w', '', 60);
INSERT INTO image_packages (image, package) VALUES (1, 1), (1, 2)
"""


@pytest.fixture
def scanner(registry: Registry, tmp_path: Path) -> Iterator[Scanner]:
    made = Scanner(registry, tmp_path)
    yield made
    made.verdicts.close()


async def since(scanner: Scanner) -> dict[str, datetime]:
    (image,) = await scanner.of()
    found = image["verdict"]["report"]["findings"]
    return {each["id"]: datetime.fromisoformat(each["known_since"]) for each in found}


def now(scanner: Scanner) -> datetime:
    return datetime.fromtimestamp(scanner.registry.clock(), UTC)


async def test_it_is_the_day_of_the_first_verdict_whatever_is_said_later(scanner: Scanner) -> None:
    scanner.advise(OPENSSL)
    scanner.registry.clock.advance(days=1)
    await push(scanner)
    await scanner.work()
    first = now(scanner)
    assert await since(scanner) == {"CVE-2022-1": first}, "and not of the day of the advisories, when it was not there"
    for records, known in (([RATED, NAMELESS], True), ([NAMELESS], False), ([RATED, FLASK], True)):
        scanner.registry.clock.advance(days=1)
        scanner.advise(*records)
        assert await scanner.verdicts.judge_again() == 1
        assert ("CVE-2022-1" in await since(scanner)) == known
    found = await since(scanner)
    assert found["CVE-2022-1"] == first
    assert found["CVE-2019-1"] == now(scanner).replace(day=first.day + 1), "since it had no number yet"


async def test_what_no_image_has_any_more_is_forgotten(scanner: Scanner) -> None:
    scanner.advise(OPENSSL)
    await push(scanner)
    await scanner.work()
    await scanner.registry.services.db.write(lambda tx: tx.execute(text("DELETE FROM image_packages")))
    assert await scanner.verdicts.sweep() == 2
    assert await scanner.registry.services.db.read(lambda tx: tx.execute(text("SELECT * FROM first_known")).all()) == []


def test_what_was_found_before_is_known_at_the_latest_since_its_set_or_its_image(tmp_path: Path) -> None:
    db = open_database(f"sqlite:///{tmp_path}/wharf.db")
    with db.engine.begin() as tx:
        config = configuration()
        config.attributes["connection"] = tx
        command.upgrade(config, "0016")
        for statement in STATEMENTS.split(";"):
            tx.execute(text(statement))
    migrate(db.engine)
    with db.engine.begin() as tx:
        rows = tx.execute(text("SELECT package, vulnerability, at FROM first_known ORDER BY package")).all()
    assert [tuple(row) for row in rows] == [(1, "CVE-1", 40.0), (2, "CVE-1", 50.0)]
    db.engine.dispose()
