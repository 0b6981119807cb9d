"""What runs somewhere, as reporters say; and when images were last pulled."""

import json

import pytest

from tests.kit.clock import Clock
from tests.kit.images import image, index
from tests.registry.shop import REPO, Shop
from wharfinger.access.caller import system
from wharfinger.errors import Denied, GrantUnknown, RequestInvalid, Unavailable
from wharfinger.meta import in_use as queries
from wharfinger.meta import pulls, repos
from wharfinger.meta.db import Database
from wharfinger.meta.schema_trash import in_use, last_pulls
from wharfinger.registry.in_use import Running
from wharfinger.registry.last_pulls import BATCH, LastPulls
from wharfinger.spec import digest as digests
from wharfinger.spec import names
from wharfinger.spec.digest import Digest

APP, OTHER = image(seed=1), image(seed=2)
BOTH = index([APP, OTHER])
HOUR = 3600
ELSEWHERE = names.repository("other/app")


@pytest.fixture
def shop(db: Database, clock: Clock) -> Shop:
    return Shop(db, clock)


def running(*references: str) -> list[Running]:
    return [Running(REPO, names.reference(each), (f"place/{number}",)) for number, each in enumerate(references)]


async def used(shop: Shop) -> dict[str, list[str]]:
    rows = (await shop.rows(in_use))["in_use"]
    return {row["digest"]: json.loads(row["places"]) for row in rows}


async def test_index_child_config_and_tag_mean_manifests_and_a_report_replaces_the_one_before(shop: Shop) -> None:
    await shop.push(BOTH, "both")
    await shop.push(APP, "app")
    config = next(iter(OTHER.blobs))
    reported = await shop.in_use.report(shop.by(), "prod", HOUR, running("both", APP.digest, "app", config))
    assert (reported.images, reported.unknown) == (3, [])
    assert await used(shop) == {
        BOTH.digest: ["place/0"],
        APP.digest: ["place/1", "place/2"],
        OTHER.digest: ["place/3"],
    }
    await shop.in_use.report(shop.by(), "edge", HOUR, running(APP.digest))
    await shop.in_use.report(shop.by(), "prod", HOUR, running("app"))
    repository_id = await shop.db.read(repos.require, REPO)
    assert await shop.db.read(queries.digests, repository_id) == {APP.digest: ["edge", "prod"]}
    await shop.push(OTHER, "app")
    assert APP.digest in await used(shop), "the tag meant this image when it was reported"


async def test_what_is_not_here_is_named_and_what_has_a_digest_is_protected_should_it_come_back(shop: Shop) -> None:
    await shop.push(APP, "app")
    gone = digests.of(b"gone")
    asked = [*running("none", gone), Running(ELSEWHERE, names.tag("x"))]
    reported = await shop.in_use.report(shop.by(), "prod", HOUR, asked)
    assert (reported.images, sorted(reported.unknown, key=repr)) == (0, sorted(asked, key=repr))
    assert [*await used(shop)] == [gone]


async def test_a_reporter_protects_only_what_it_may_pull_and_reports_under_its_own_name_only(shop: Shop) -> None:
    await shop.push(APP, "app")
    reported = await shop.in_use.report(shop.by("bob"), "edge", HOUR, running("app"))
    assert (reported.images, [one.reference for one in reported.unknown]) == (0, ["app"])
    await shop.in_use.report(shop.by(), "prod", HOUR, running("app"))
    with pytest.raises(Denied, match="another account"):
        await shop.in_use.report(shop.by("bob"), "prod", HOUR, [])
    assert [*await used(shop)] == [APP.digest]
    for name, interval in (("UPPER", HOUR), ("", HOUR), ("ok", 59), ("ok", 31 * 86400)):
        with pytest.raises(RequestInvalid):
            await shop.in_use.report(shop.by(), name, interval, [])


async def test_a_silent_reporter_raises_the_alarm_and_keeps_what_it_protects_until_a_person_retires_it(
    shop: Shop, clock: Clock
) -> None:
    await shop.push(APP, "app")
    await shop.in_use.report(shop.by(), "prod", HOUR, running("app"))
    clock.advance(hours=2)
    await shop.in_use.watch()
    clock.advance(1)
    await shop.in_use.watch()
    assert shop.silent == [0, 1]
    (listed,) = await shop.in_use.reporters(shop.by())
    assert (listed.name, listed.images, listed.is_silent(clock())) == ("prod", 1, True)
    assert await shop.in_use.reporters(shop.by("bob")) == []
    with pytest.raises(GrantUnknown):
        await shop.in_use.retire(shop.by("bob"), "prod")
    assert [*await used(shop)] == [APP.digest]
    await shop.in_use.retire(shop.by(), "prod")
    assert await used(shop) == {}
    assert [len(await shop.told(f"inuse.{what}")) for what in ("report", "retire")] == [1, 1]


# --- last pulls


async def pulled(shop: Shop) -> dict[str, float]:
    return {row["digest"]: row["pulled_at"] for row in (await shop.rows(last_pulls))["last_pulls"]}


async def test_pulls_are_written_together_and_times_only_go_forward(shop: Shop, clock: Clock) -> None:
    await shop.push(APP)
    one, another = LastPulls(shop.db), LastPulls(shop.db)
    late, early = clock() + 10, shop.by()
    clock.advance(10)
    one.note(shop.by(), REPO, APP.digest)
    another.note(early, REPO, APP.digest)
    another.note(early, names.repository("never/pushed"), APP.digest)
    assert await pulled(shop) == {}
    await one.flush()
    await another.flush()
    assert await pulled(shop) == {APP.digest: late}


async def test_our_own_parts_and_those_that_a_setting_names_do_not_count(shop: Shop) -> None:
    await shop.push(APP)
    notes = LastPulls(shop.db, ["bob"])
    notes.note(system("scanner", 5.0), REPO, APP.digest)
    notes.note(shop.by("bob"), REPO, APP.digest)
    await notes.flush()
    assert await pulled(shop) == {}


async def test_what_the_database_does_not_take_is_written_the_next_time(shop: Shop, clock: Clock) -> None:
    class Away:
        """The database, away after the first batch."""

        def __init__(self) -> None:
            self.batches = 1

        async def write(self, *arguments: object) -> None:
            self.batches -= 1
            if self.batches < 0:
                raise Unavailable("away")
            await shop.db.write(*arguments)  # type: ignore[arg-type]

    await shop.push(APP)
    away = Away()
    notes = LastPulls(away)  # type: ignore[arg-type]
    many = [Digest(digests.of(b"%d" % number)) for number in range(BATCH + 1)]
    for digest in many:
        notes.note(shop.by(), REPO, digest)
    with pytest.raises(Unavailable):
        await notes.flush()
    assert len(await pulled(shop)) == BATCH
    clock.advance(1)
    notes.note(shop.by(), REPO, many[0])
    away.batches = 9
    await notes.flush()
    assert len(await pulled(shop)) == BATCH + 1
    repository_id = await shop.db.read(repos.require, REPO)
    assert (await shop.db.read(pulls.last, repository_id))[many[0]] == clock()
