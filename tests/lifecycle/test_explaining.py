"""Why an image is there and when it will go: what evaluating everything says, from less."""

from typing import Any

from hypothesis import HealthCheck, given, settings

from tests.api.caller import Caller
from tests.conftest import Registry
from tests.kit.effort import times
from tests.kit.images import image, index
from tests.lifecycle.kit import in_force, outcomes, plan, policy, push, read
from tests.lifecycle.test_against_the_text import DAY, NOW, inventories, policies
from wharfinger.lifecycle import families, parsing, units
from wharfinger.lifecycle import images as reading
from wharfinger.lifecycle.evaluate import evaluate_repository
from wharfinger.lifecycle.foreseeing import Counted, Foresight, counted, leading
from wharfinger.lifecycle.rules import joined


@settings(max_examples=times(50), deadline=None, suppress_health_check=list(HealthCheck))
@given(policies(), inventories())
def test_it_says_what_evaluating_everything_says(written: list[Any], stock: list[Any]) -> None:
    rules = joined(parsing.parse(written), "shop/web")
    images = [each for each in reading.parse(stock) if each.repository == "shop/web"]
    now, counts = units.moment(NOW), counted(rules)
    whole = {moment: evaluate_repository(rules, images, moment) for moment in (now, now + DAY)}
    pulls = any(key in str(written) for key in ("pull", "active"))
    for number, each in enumerate(images):
        kin = {images[i].id for i in _kin(families.of(images), number)}
        if counts is None or pulls:
            matter = images
        else:
            wanted = kin.union(*(_wanted(images, each) for each in counts))
            matter = [one for one in images if one.id in wanted]
        for moment, verdicts in whole.items():
            assert Foresight(rules, matter, kin, each.id).foresee(moment).verdict == verdicts[number]


@settings(max_examples=times(40), deadline=None, suppress_health_check=list(HealthCheck))
@given(policies(), inventories())
def test_the_moment_that_it_names_is_the_first(written: list[Any], stock: list[Any]) -> None:
    rules = joined(parsing.parse(written), "shop/web")
    images = [each for each in reading.parse(stock) if each.repository == "shop/web"]
    now = units.moment(NOW)
    for number, each in enumerate(images):
        found = Foresight(rules, images, {one.id for one in images}, each.id).foresee(now)
        for moment in (now + day * DAY + beside for day in range(12) for beside in (0, 1)):
            verdict = evaluate_repository(rules, images, moment)[number]
            if found.at is None or moment < found.at:
                assert (verdict.verdict, verdict.tags_removed) == (found.verdict.verdict, found.verdict.tags_removed)


def _wanted(images: list[reading.Image], counts: Counted) -> set[str]:
    ordinary = families.of(images).ordinary
    tags = [(t.name, one.id, t.pushed) for one, own in zip(images, ordinary, strict=True) for t in own]
    selected = [each for each in tags if counts.selector.matches(each[0])]
    if counts.first is None:
        return {image for _, image, _ in selected}
    return leading(sorted(selected, key=lambda each: -each[2]), counts.first)


def _kin(family: families.Families, start: int) -> set[int]:
    found, waiting = {start}, [start]
    while waiting:
        i = waiting.pop()
        more = {*family.owned(i), *family.owners(i)} - found
        found |= more
        waiting += more
    return found


async def test_why_it_stays_when_it_goes_and_what_protects_it(registry: Registry, api: Caller) -> None:
    made = await push(registry, "shop/web", "dev-1", 1)
    for n in range(2, 5):
        await push(registry, "shop/web", f"prod-{n}", n)
    await in_force(registry, policy('keep: {tags: "prod-*", newest: 2}', "delete: {pushed_before: 7d}"))
    found = await api("GET", "/explain/shop/web/dev-1")
    assert (found["digest"], found["rules"], found["now"]["verdict"]) == (made.digest, 2, "keep")
    assert found["now"]["reason"] == "no rule matches it"
    assert (found["next"]["verdict"], found["next"]["rule"]) == ("delete", "p/2")
    at = units.moment(found["next_at"]) / units.SECOND
    assert at == registry.clock.now + 7 * 86400 + 1e-6
    kept = await api("GET", "/explain/shop/web/prod-4")
    assert (kept["now"]["rule"], kept["next"], kept["known_until"]) == ("p/1", None, None)
    await api.refusal("GET", "/explain/shop/web/none", status=404)
    await api.refusal("GET", "/explain/shop/none/x", status=404)


async def test_it_agrees_with_the_plan_about_what_belongs_together(registry: Registry, api: Caller) -> None:
    children = [image(seed=1), image(seed=2)]
    whole = index(children)
    await registry.client.push_image("shop/web", whole)
    await registry.client.put_manifest("shop/web", "prod-1", whole.raw, whole.media_type)
    other = index([children[1], image(seed=3)])
    await registry.client.push_image("shop/web", other)
    signature = await push(registry, "shop/web", None, 4, artifact_type="a/sig", subject=whole)
    named = await push(registry, "shop/web", f"sha256-{children[0].digest[7:]}.sig", 5)
    await in_force(registry, policy('keep: {tags: "prod-*", newest: 2}', "delete: {}"))
    _, parts, _ = read(await plan(registry))
    verdicts = outcomes(parts["shop/web"])
    assert verdicts[other.digest] == "delete"
    assert verdicts[named.digest] == verdicts[signature.digest] == "keep"
    for digest, verdict in verdicts.items():
        assert (await api("GET", f"/explain/shop/web/{digest}"))["now"]["verdict"] == verdict
