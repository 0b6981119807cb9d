"""A database of the version that kept whole reports: its verdicts stay, and their images are scanned again."""

import json
import zlib
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import text

from wharfinger.meta import jobs, verdicts
from wharfinger.meta.db import open_database
from wharfinger.meta.migrate import configuration, migrate
from wharfinger.scanning import attached_before, reports, trusting
from wharfinger.scanning.pushed import KIND
from wharfinger.spec import digest as digests

DIGEST, OTHER = digests.of(b"image"), digests.of(b"another")
FINDINGS = [
    {"id": "CVE-1", "severity": "high", "fixed": "2"},
    {"id": "CVE-2", "severity": "high", "fixed": None},
    {"id": "CVE-3", "severity": "low", "fixed": None},
]
REPORT = {"digest": DIGEST, "findings": FINDINGS}


def test_the_verdicts_of_the_version_before_stay_until_there_are_others(tmp_path: Path) -> None:
    db = open_database(f"sqlite:///{tmp_path}/wharf.db")
    with db.engine.begin() as tx:
        config = configuration()
        config.attributes["connection"] = tx
        command.upgrade(config, "0007")
        row = {
            "repository": "shop/web", "config": "c", "platform": "linux/amd64", "layers": "[]", "status": "complete",
            "counts": "{}", "advisories": "5" * 64, "sources": json.dumps({"Debian": 2}), "cataloguer": "wharfinger/1",
            "isolation": "seccomp", "judged_at": 7.0, "report": zlib.compress(json.dumps(REPORT).encode()),
        }  # fmt: skip
        for digest in (DIGEST, OTHER):
            names = ["digest", *row]
            values = ", ".join(f":{name}" for name in names)
            tx.execute(text(f"INSERT INTO verdicts ({', '.join(names)}) VALUES ({values})"), {"digest": digest, **row})
        jobs.enqueue(tx, KIND, OTHER, {"repository": "shop/web"}, 5.0)
    migrate(db.engine)
    with db.engine.begin() as tx:
        found = verdicts.find(tx, [DIGEST, OTHER])
        verdict = found[DIGEST]
        assert (verdict.status, verdict.advisories, verdict.sources) == ("complete", "5" * 64, {"Debian": 2})
        assert (verdict.counts["high"], verdict.fixable["high"], verdict.counts["low"]) == (2, 1, 1)
        assert (verdict.judged_at, verdict.cataloguer) == (7.0, "wharfinger/1")
        assert reports.report(tx, verdict) == REPORT
        assert reports.findings(tx, verdict) == FINDINGS
        assert found[OTHER].advisory_set == verdict.advisory_set
        assert jobs.waiting_for(tx, KIND, [DIGEST, OTHER]) == {DIGEST, OTHER}
        assert verdicts.rewrite(tx, verdict.advisory_set + 1, 0, 10, 8.0).count == 0
    db.engine.dispose()


@pytest.mark.parametrize("has_manifests", [True, False])
def test_documents_that_lay_beside_images_already_are_looked_for(tmp_path: Path, has_manifests: bool) -> None:
    db = open_database(f"sqlite:///{tmp_path}/wharf.db")
    with db.engine.begin() as tx:
        config = configuration()
        config.attributes["connection"] = tx
        command.upgrade(config, "0013")
        if has_manifests:
            tx.execute(text("INSERT INTO repositories (id, name, created_at) VALUES (1, 'shop/web', 0)"))
            tx.execute(
                text(
                    "INSERT INTO manifests (repository_id, digest, media_type, annotations, size, pushed_at, raw)"
                    " VALUES (1, :digest, 'm', '{}', 2, 0, '{}')"
                ),
                {"digest": DIGEST},
            )
    migrate(db.engine)
    with db.engine.begin() as tx:
        assert jobs.is_due(tx, trusting.KIND, 0.0) == has_manifests
        job = jobs.claim(tx, [trusting.KIND], "somebody", 0.0, 1.0)
    assert (job is not None and job.key == attached_before.BEFORE) == has_manifests
    db.engine.dispose()
