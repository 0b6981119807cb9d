"""A database from before tags had a history: each present tag begins with where it is."""

from pathlib import Path

from alembic import command
from sqlalchemy import text

from wharfinger.meta import history
from wharfinger.meta.db import open_database
from wharfinger.meta.migrate import configuration, migrate
from wharfinger.spec.names import RepoName


def test_the_history_of_a_present_tag_begins_where_it_is(tmp_path: Path) -> None:
    db = open_database(f"sqlite:///{tmp_path}/wharf.db")
    with db.engine.begin() as tx:
        config = configuration()
        config.attributes["connection"] = tx
        command.upgrade(config, "0002")
        tx.execute(text("INSERT INTO repositories (id, name, created_at) VALUES (1, 'shop/web', 0)"))
        tx.execute(
            text(
                "INSERT INTO manifests (repository_id, digest, media_type, annotations, size, pushed_at, raw) "
                "VALUES (1, 'sha256:a', 'x', '{}', 1, 5, 'x')"
            )
        )
        tx.execute(text("INSERT INTO tags (repository_id, name, digest, moved_at) VALUES (1, 'prod', 'sha256:a', 7)"))
    migrate(db.engine)
    with db.engine.connect() as tx:
        (event,) = history.page(tx, RepoName("shop/web"), None, history.FIRST, 10)
    assert (event.tag, event.digest, event.at, event.who, event.how) == ("prod", "sha256:a", 7.0, "", "found")
    db.engine.dispose()
