"""The cases that the language is known by."""

from tests.lifecycle.stock import DEFAULT, ago, decide, image, outcomes, policy, tag

HEX = "ab" * 32
OTHER = "cd" * 32


def test_an_image_with_a_good_tag_and_a_bad_one_goes_with_both_and_is_warned_about() -> None:
    dev = policy("delete: {tags: 'dev-*'}")
    verdict = decide(dev, image("a", "dev-1", "prod-1"))["a"]
    assert (verdict.verdict, verdict.rule, verdict.tags_removed) == ("delete", "p/1", ("dev-1", "prod-1"))
    assert verdict.unnamed == ("prod-1",)
    assert "prod-1" in verdict.reason
    assert outcomes(policy("keep: {tags: 'prod-*'}", "delete: {tags: 'dev-*'}"), image("a", "dev-1", "prod-1")) == {
        "a": "keep"
    }
    assert decide(policy("delete: {}"), image("a", "dev-1"))["a"].unnamed == ()
    untagged = decide(policy("untag: {tags: 'dev-*'}"), image("a", "dev-1", "prod-1"))["a"]
    assert (untagged.verdict, untagged.rule, untagged.tags_removed) == ("untag", "p/1", ("dev-1",))


def test_a_rule_with_a_name_is_called_by_it_and_the_reason_says_where_it_stands() -> None:
    found = decide(policy("{untag: {tags: 'x-*'}, name: loose}", "{delete: {}, name: rest}"), image("a", "x-1", "y"))
    assert found["a"].rule == "rest"
    assert found["a"].reason.startswith("rest (p/2) deletes what ")
    kept = decide(policy("{untag: {tags: 'x-*'}, name: loose}"), image("a", "x-1", "y"))["a"]
    assert (kept.rule, kept.reason) == ("loose", "loose (p/1) takes its tag x-1; the image stays: no rule matches it")


def test_an_old_image_that_is_promoted_today_is_new() -> None:
    old = image("a", tag("prod-99", "0d"), pushed="200d", created=ago("200d"))
    newest = [image(f"p{i}", f"prod-{i}", pushed="1d") for i in range(10)]
    assert decide(DEFAULT, old, *newest)["a"].rule == "default/1"
    assert decide(DEFAULT, old, *newest)["p9"].rule == "default/3"  # the eleventh, kept for its age
    assert outcomes(policy("delete: {pushed_before: 90d}"), old) == {"a": "delete"}
    assert outcomes(policy("delete: {tagged_before: 90d}"), old) == {"a": "keep"}


def test_the_same_digest_pushed_again_is_new() -> None:
    assert outcomes(DEFAULT, image("a", "dev-1", pushed="31d")) == {"a": "delete"}
    assert outcomes(DEFAULT, image("a", "dev-1", pushed="1d", created=ago("400d"))) == {"a": "keep"}


def test_a_tag_that_moved_away_a_minute_ago() -> None:
    lost = image("a", pushed="200d", untagged_since=ago("1m"))
    assert outcomes(policy("delete: {untagged_for: 7d}"), lost) == {"a": "keep"}
    assert decide(DEFAULT, lost)["a"].rule == "default/4"
    assert outcomes(policy("delete: {untagged_for: 7d}"), image("a", pushed="200d")) == {"a": "delete"}


def test_signatures_and_sboms_share_the_fate_of_their_subject() -> None:
    doomed, kept = image(f"sha256:{HEX}", "dev-1"), image(f"sha256:{OTHER}", "prod-1")
    attached = [
        image("sig", f"sha256-{HEX}.sig", pushed="1d"),
        image("sbom", subject=f"sha256:{HEX}", pushed="1d"),
        image("sig-of-sbom", subject="sbom", pushed="1d"),
        image("sig-of-kept", f"sha256-{OTHER}.sig"),
        image("sbom-of-kept", subject=f"sha256:{OTHER}"),
    ]
    found = decide(DEFAULT, doomed, kept, *attached)
    assert [found[id].verdict for id in ("sig", "sbom", "sig-of-sbom")] == ["delete"] * 3
    assert found["sig"].tags_removed == (f"sha256-{HEX}.sig",)
    assert found["sig-of-sbom"].rule == "default/4"
    assert [found[id].verdict for id in ("sig-of-kept", "sbom-of-kept")] == ["keep"] * 2


def test_a_child_of_two_indexes_goes_with_the_last() -> None:
    one, two = image("one", "dev-1", children=["child"]), image("two", "prod-1", children=["child"])
    child = image("child")
    assert outcomes(DEFAULT, one, two, child) == {"one": "delete", "two": "keep", "child": "keep"}
    two["tags"] = ["dev-2"]
    assert outcomes(DEFAULT, one, two, child) == {"one": "delete", "two": "delete", "child": "delete"}
    assert outcomes(DEFAULT, child) == {"child": "delete"}  # without an index it is an untagged image


def test_a_cosign_tag_under_delete_everything() -> None:
    everything = policy("delete: {}")
    subject, signature = image(f"sha256:{HEX}", "prod-1"), image("sig", f"sha256-{HEX}.sig")
    both = policy("keep: {tags: 'prod-*'}", "delete: {}")
    assert outcomes(both, subject, signature)["sig"] == "keep"
    assert outcomes(everything, subject, signature)["sig"] == "delete"
    alone = decide(policy("delete: {untagged: true}"), signature)["sig"]  # its subject is gone: an untagged image
    assert (alone.verdict, alone.tags_removed) == ("delete", (f"sha256-{HEX}.sig",))


def test_untag_decides_nothing_and_later_rules_see_what_is_left() -> None:
    text = policy(
        "untag: {tags: 'dev-*'}", "delete: {untagged: true}", "keep: {tags: 'prod-*', newest: 1}", "delete: {}"
    )
    found = decide(
        text,
        image("bare", "dev-1"),
        image("both", "dev-2", "prod-1", pushed="2d"),
        image("old", "prod-0", pushed="3d"),
    )
    assert {id: v.verdict for id, v in found.items()} == {"bare": "delete", "both": "untag", "old": "delete"}
    assert found["bare"].tags_removed == ("dev-1",)
    later = policy("untag: {tags: 'dev-*'}", "delete: {untagged_for: 0d}")
    assert outcomes(later, image("a", "dev-1")) == {"a": "untag"}  # it has been without since now
    first = policy("keep: {tags: 'prod-*'}", "untag: {tags: '*'}")
    assert outcomes(first, image("a", "prod-1", "dev-1"), image("b", "dev-2")) == {"a": "keep", "b": "untag"}


def test_untag_is_about_tags_with_their_own_times() -> None:
    stock = image("a", tag("old", "40d"), tag("new", "1d"), tag("locked", "40d", protected=True), pushed="40d")
    assert decide(policy("untag: {tagged_before: 30d}"), stock)["a"].tags_removed == ("old",)
    newest = "untag: {not: {newest: 1}}"
    found = decide(policy(newest), image("a", tag("v1", "3d"), tag("v2", "2d")), image("b", tag("v3", "1d")))
    assert found["a"].tags_removed == ("v1", "v2")
    assert found["b"].verdict == "keep"
    counted = "untag: {protected: false, not: {protected: false, newest: 1}}"
    locked = image("a", tag("v1", "3d"), tag("v2", "2d"), tag("v3", "1d", protected=True))
    assert decide(policy(counted), locked)["a"].tags_removed == ("v1",)
    assert decide(policy(newest), locked)["a"].tags_removed == ("v1", "v2")


def test_newest_counts_also_what_an_earlier_rule_decided() -> None:
    text = policy("keep: {digest: a}", "keep: {newest: 1}", "delete: {}")
    assert outcomes(text, image("a", "x", pushed="1d"), image("b", "y", pushed="2d")) == {"a": "keep", "b": "delete"}


def test_newest_ranks_what_the_rest_of_its_own_group_selects() -> None:
    stock = [image("a", "prod-1", pushed="3d"), image("b", "dev-1", pushed="1d"), image("c", "prod-2", pushed="2d")]
    assert outcomes(policy("keep: {tags: 'prod-*', newest: 1}", "delete: {}"), *stock)["c"] == "keep"
    nested = policy("keep: {tags: 'prod-*', any: [{newest: 1}]}", "delete: {}")
    assert outcomes(nested, *stock) == {"a": "delete", "b": "delete", "c": "delete"}


def test_newest_by_and_per() -> None:
    stock = [
        image("a", "1.4.2", pushed="1d", pulled=ago("9d"), created=ago("5d")),
        image("b", "1.10.0", pushed="3d", pulled=ago("2d"), created=ago("9d")),
        image("c", "2.0.0", pushed="9d", created=ago("3d")),
        image("d", "latest", pushed="8d", pulled=ago("3d")),
    ]

    def kept(words: str) -> set[str]:
        return {
            id for id, word in outcomes(policy(f"keep: {{{words}}}", "delete: {}"), *stock).items() if word == "keep"
        }

    assert kept("newest: 2") == {"a", "b"}
    assert kept("newest: 1, by: pulled") == {"b"}
    assert kept("newest: 2, by: active") == {"a", "b"}
    assert kept("newest: 1, by: created") == {"c"}
    assert kept("newest: 2, by: version") == {"b", "c"}
    assert kept("newest: 1, by: version, per: major") == {"b", "c"}
    assert kept("newest: 1, by: version, per: minor") == {"a", "b", "c"}
    assert kept("tags: {regex: '(?P<first>[0-9]).*'}, newest: 1, by: pushed, per: first") == {"a", "c"}


def test_ties_are_broken_by_digest() -> None:
    stock = [image(id, id, pushed="1d") for id in ("c", "a", "b")]
    assert outcomes(policy("keep: {newest: 2}", "delete: {}"), *stock) == {"c": "delete", "a": "keep", "b": "keep"}


def test_one_with_an_ordinary_tag_is_a_candidate_too() -> None:
    index = image("index", "prod-1", children=["child"])
    assert outcomes(DEFAULT, index, image("child", "dev-1"))["child"] == "keep"  # a kept index needs it
    gone = outcomes(
        DEFAULT, image("index", "dev-1", children=["child"]), image("child", "prod-1", children=["leaf"]), image("leaf")
    )
    assert gone == {"index": "delete", "child": "keep", "leaf": "keep"}
    with_tag = outcomes(DEFAULT, image("subject", "dev-1"), image("r", "prod-1", subject="subject"))
    assert with_tag == {"subject": "keep", "r": "keep"}
    held = decide(DEFAULT, image("subject", "dev-1"), image("r", subject="subject", in_use=True))
    assert (held["subject"].verdict, held["r"].verdict, held["r"].protected_by) == ("delete", "keep", "in_use")


def test_a_pull_of_a_child_counts_for_its_indexes() -> None:
    text = policy("keep: {pulled_within: 7d}", "delete: {}")
    top = image("top", "dev-1", children=["index"], pulled=ago("90d"))
    stock = [top, image("index", children=["child"]), image("child", pulled=ago("1d"))]
    assert set(outcomes(text, *stock).values()) == {"keep"}


def test_what_is_protected_stays_with_what_it_needs_whatever_a_rule_says() -> None:
    text = policy("delete: {}", more="")
    stock = [
        image("held", "a", children=["child"], held_until=ago("0d").replace("2026", "2027")),
        image("child"),
        image("used", in_use=True),
        image("locked", tag("b", "1d", protected=True), "c"),
        image("over", "d", held_until=ago("0d")),
        image("sig", subject="held"),
    ]
    found = decide(text, *stock)
    assert {id: v.protected_by for id, v in found.items() if v.verdict == "keep"} == {
        "held": "held_until",
        "child": "image:held",
        "used": "in_use",
        "locked": "tag:b",
        "sig": "image:held",
    }
    assert found["over"].verdict == "delete"
    assert found["held"].rule == "p/1"
    assert "held until" in found["held"].reason


def test_policies_are_joined_binding_first_widest_first_then_narrowest_first() -> None:
    def labels(*texts: str) -> str | None:
        return decide("\n".join(texts), image("a", "x", repository="shop/web"))["a"].rule

    wide = policy("keep: {}", name="wide")
    narrow = policy("delete: {}", name="narrow", repositories="shop/*", more="#")
    exact = policy("keep: {}", name="exact", repositories="shop/web", more="#")
    binding = policy("delete: {}", name="binding", repositories="shop/w*", more="#") + "\n    binding: true"
    wider = policy("keep: {}", name="wider", more="#") + "\n    binding: true"
    assert labels(wide, narrow, exact, binding, wider) == "wider/1"
    assert labels(wide, narrow, exact, binding) == "binding/1"
    assert labels(wide, narrow, exact) == "exact/1"
    assert labels(wide, narrow) == "narrow/1"
    assert labels(wide, policy("delete: {}", name="second", more="#")) == "wide/1"
    elsewhere = policy("delete: {}", repositories="other/**")
    assert labels(elsewhere) is None


def test_circles_that_no_rule_sees_stay() -> None:
    text = policy("delete: {}")
    circle = [image("index", f"sha256-{HEX}.sig", children=[f"sha256:{HEX}"]), image(f"sha256:{HEX}")]
    assert set(outcomes(text, *circle).values()) == {"keep"}
    assert outcomes(text, image("a", children=["b"]), image("b", children=["a"])) == {"a": "keep", "b": "keep"}
    assert outcomes(text, image("a", subject="a")) == {"a": "delete"}
