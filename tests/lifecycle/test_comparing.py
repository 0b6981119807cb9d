"""Never is more done than what both the plan and the verdicts of now say."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.kit.effort import times
from tests.lifecycle.test_against_the_text import NOW, inventories, policies
from wharfinger.lifecycle import comparing, families, parsing, units
from wharfinger.lifecycle import images as reading
from wharfinger.lifecycle.evaluate import evaluate_repository
from wharfinger.lifecycle.rules import joined
from wharfinger.spec.digest import Digest


@settings(max_examples=times(20), deadline=None, suppress_health_check=list(HealthCheck))
@given(policies(), policies(), inventories(), st.data())
def test_what_evaluation_keeps_is_never_deleted(then: Any, now: Any, stock: Any, data: st.DataObject) -> None:
    images = [each for each in reading.parse(stock) if each.repository == "shop/web"]
    planned = [each for each in images if data.draw(st.integers(0, 5))]  # the others were pushed since
    plan = evaluate_repository(joined(parsing.parse(then), "shop/web"), planned, units.moment(NOW))
    verdicts = evaluate_repository(joined(parsing.parse(now), "shop/web"), images, units.moment(NOW))
    delete = {Digest(each.id): each.tags_removed for each in plan if each.verdict == "delete"}
    untag = {Digest(each.id): each.tags_removed for each in plan if each.verdict == "untag"}
    found = comparing.agreed(images, verdicts, delete, untag)
    by_id, family = {each.id: each for each in verdicts}, families.of(images)
    for digest in found.delete:
        assert by_id[digest].verdict == "delete"
        assert set(by_id[digest].tags_removed) <= set(delete[digest])
        assert found.roots[digest] in found.delete
    for digest, names in found.untag.items():
        assert set(names) <= set(by_id[digest].tags_removed) & set(untag[digest])
        assert by_id[digest].verdict == "untag"
    # What stays has all that it needs, and nothing is left without what it belongs to by this.
    numbers = {image.id: i for i, image in enumerate(images)}
    left = [i for i, image in enumerate(images) if image.id not in found.delete]
    assert {images[i].id for i in families.reached(left, family)}.isdisjoint(found.delete)
    for digest in found.delete:
        doomed = {images[i].id for i in family.owned(numbers[digest]) if verdicts[i].verdict == "delete"}
        assert doomed <= found.delete
    done = {*found.delete, *found.untag, *found.changed, *found.gone}
    assert done == {*delete, *untag}


@settings(max_examples=times(10), deadline=None, suppress_health_check=list(HealthCheck))
@given(policies(), inventories())
def test_when_nothing_has_changed_all_of_the_plan_is_done(written: Any, stock: Any) -> None:
    images = [each for each in reading.parse(stock) if each.repository == "shop/web"]
    verdicts = evaluate_repository(joined(parsing.parse(written), "shop/web"), images, units.moment(NOW))
    delete = {Digest(each.id): each.tags_removed for each in verdicts if each.verdict == "delete"}
    untag = {Digest(each.id): each.tags_removed for each in verdicts if each.verdict == "untag"}
    found = comparing.agreed(images, verdicts, delete, untag)
    assert (set(found.delete), set(found.untag)) == (set(delete), set(untag))
    assert not found.changed
    assert not found.gone
