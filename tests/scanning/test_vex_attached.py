"""VEX documents that are pushed beside an image: in which forms, whose count, and what follows when one moves."""

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, delete

from tests.api.caller import Caller
from tests.conftest import Registry
from tests.kit.client import require
from tests.kit.images import EMPTY, OCI_CONFIG, Fields, Image, descriptor, index, made
from tests.scanning.gates import CLEAN, WEB, Guarded, openssl
from tests.scanning.test_vex import csaf, cyclonedx, openvex
from wharfinger.errors import RequestInvalid
from wharfinger.meta import accounts, grants, jobs, vex_before
from wharfinger.meta.schema_exceptions import vex_attached
from wharfinger.scanning import trusting
from wharfinger.scanning.vex import attached
from wharfinger.spec import digest as digests
from wharfinger.spec import manifest as spec
from wharfinger.spec import media_types
from wharfinger.spec.digest import Digest

CRITICAL = "- {name: no-critical, repositories: '**', block: {severity: critical}, unscanned: allow}\n"
OPENVEX = "application/vnd.openvex+json"
DSSE = "application/vnd.dsse.envelope.v1+json"
IN_TOTO = "application/vnd.in-toto+json"
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
CYCLONEDX = "application/vnd.cyclonedx+json"
PURL = "pkg:deb/debian/openssl"
OTHER = Digest(f"sha256:{'0' * 64}")


def document(purl: str = PURL) -> Fields:
    fields = openvex(purl)
    fields["statements"][0]["vulnerability"] = {"name": "CVE-2022-1"}
    return fields


def statement(predicate: object, subject: str = WEB.digest, type: str = "https://openvex.dev/ns/v0.2.0") -> Fields:
    algorithm, _, hexadecimal = subject.partition(":")
    about = [{"name": "web", "digest": {algorithm: hexadecimal}}]
    return {"_type": "https://in-toto.io/Statement/v1", "subject": about, "predicateType": type, "predicate": predicate}


def envelope(payload: object) -> Fields:
    text = base64.b64encode(json.dumps(payload).encode()).decode()
    return {"payloadType": "application/vnd.in-toto+json", "payload": text, "signatures": [{"sig": "AA=="}]}


def bundle(payload: object) -> Fields:
    return {"mediaType": BUNDLE, "verificationMaterial": {}, "dsseEnvelope": envelope(payload)}


def beside(
    content: object,
    layer: str = OPENVEX,
    *,
    subject: Image = WEB,
    type: str | None = None,
    said: Mapping[str, str] | None = None,
) -> Image:
    """The manifest with which such a layer is pushed beside an image."""
    raw, empty = content if isinstance(content, bytes) else json.dumps(content).encode(), b"{}"
    described = [
        {"mediaType": media, "digest": digests.of(each), "size": len(each)}
        for media, each in ((EMPTY, empty), (layer, raw))
    ]
    fields = {
        "config": described[0],
        "layers": described[1:],
        "artifactType": type or layer,
        "subject": subject.descriptor,
        "annotations": dict(said or {}),
    }
    return made(media_types.OCI_MANIFEST, fields, blobs=[empty, raw])


def attestations(vex: object, subject: str = WEB.digest) -> Image:
    """What cosign 2 has under the tag: an image of envelopes, the first of which is provenance."""
    slsa = "https://slsa.dev/provenance/v1"
    said: list[tuple[str, object]] = [(slsa, statement({}, subject, slsa))]
    said += [(openvex(PURL)["@context"], statement(vex, subject))] if vex else []
    layers = [json.dumps(envelope(each)).encode() for _, each in said]
    config = json.dumps({"architecture": "", "os": "", "rootfs": {"type": "layers", "diff_ids": []}}).encode()
    fields = {
        "config": descriptor(config, OCI_CONFIG),
        "layers": [
            descriptor(raw, DSSE) | {"annotations": {"dev.cosignproject.cosign/signature": "", "predicateType": kind}}
            for raw, (kind, _) in zip(layers, said, strict=True)
        ],
    }
    return made(media_types.OCI_MANIFEST, fields, blobs=[config, *layers])


@pytest.fixture
async def guarded(registry: Registry, tmp_path: Path) -> Any:
    made = Guarded(registry, tmp_path)
    await registry.services.db.write(_security, registry.clock())
    registry.services.authenticator.directory.forget()
    made.advise(openssl())
    await made.apply(CRITICAL)
    await made.push()
    assert (await made.pull())[0] == 403
    yield made
    made.verdicts.close()


def _security(tx: Connection, now: float) -> None:
    accounts.begin_change(tx)
    grants.add_group(tx, "security", now)
    grants.add_member(tx, "security", "a-maintainer")


async def trust(guarded: Guarded, rules: str, *, work: bool = True) -> None:
    await Caller(guarded.registry.client)(
        "POST", "/policy/apply", {"policy": f"version: 1\nvex:\n{rules}", "prune": True}
    )
    if work:
        await guarded.work()


async def attach(guarded: Guarded, manifest: Image, who: str = "publisher") -> Digest:
    digest = await guarded.registry.as_(who).push_image("shop/web", manifest)
    await guarded.work()
    return digest


async def told(guarded: Guarded) -> list[dict[str, Any]]:
    found = await Caller(guarded.registry.client)("GET", f"/verdicts/shop/web/{WEB.digest}")
    documents: list[dict[str, Any]] = found["images"][0]["verdict"]["vex_beside"]
    return documents


async def test_it_counts_when_a_rule_trusts_who_brought_it_and_the_report_says_when_none_does(guarded: Guarded) -> None:
    digest = await attach(guarded, beside(document()))
    (said,) = await told(guarded)
    assert (said["digest"], said["pushed_by"], said["author"]) == (digest, "a-publisher", "example.org")
    assert (said["counts"], said["statements"]) == (False, 1)
    assert said["why_not"] == "no rule trusts a-publisher, who brought it"
    assert (await guarded.pull())[0] == 403
    await trust(guarded, "- {name: sec, repositories: shop/**, pushed_by: ['group:security']}\n")
    assert (await guarded.pull())[0] == 403
    await attach(guarded, beside(document()), "maintainer")
    assert await guarded.pull() == (200, "")
    (said,) = await told(guarded)
    assert (said["counts"], said["rule"], said["why_not"]) == (True, "sec", "")
    await attach(guarded, beside(document()))  # the same by another: it is theirs now
    assert (await guarded.pull())[0] == 403
    await trust(guarded, "- {name: all, repositories: other/**}\n")
    assert (await guarded.pull())[0] == 403
    await trust(guarded, "- {name: all, repositories: shop/**}\n")
    assert await guarded.pull() == (200, "")
    await trust(guarded, "  []\n")
    assert (await guarded.pull())[0] == 403


async def test_the_finding_says_whose_word_it_is(guarded: Guarded) -> None:
    await trust(guarded, "- {name: all, repositories: '**'}\n")
    digest = await attach(guarded, beside(document()))
    found = await Caller(guarded.registry.client)("GET", "/verdicts/shop/web/1")
    (finding,) = found["images"][0]["verdict"]["report"]["findings"]
    where = f"{digest[:19]}: statements[0], VEX document beside the image by example.org, pushed by a-publisher"
    assert finding["suppressed"] == f"not affected: vulnerable code not present ({where})"


async def test_it_says_no_more_once_it_is_deleted_and_is_whose_hand_brings_it_back(guarded: Guarded) -> None:
    await trust(guarded, "- {name: all, repositories: '**', pushed_by: a-publisher}\n")
    digest = await attach(guarded, beside(document()))
    assert await guarded.pull() == (200, "")
    require(await guarded.registry.as_("maintainer").delete_manifest("shop/web", digest), 202)
    assert (await guarded.pull())[0] == 403  # no job was needed for it
    assert await told(guarded) == []
    restore = Caller(guarded.registry.as_("maintainer"))
    await restore("POST", "/trash/restore/shop/web", {"reference": digest})
    assert (await guarded.pull())[0] == 403
    (said,) = await told(guarded)
    assert said["why_not"] == "no rule trusts a-maintainer, who brought it"
    await attach(guarded, beside(document()))
    assert await guarded.pull() == (200, "")


async def test_what_is_restored_before_anybody_has_read_it_is_read_then(guarded: Guarded) -> None:
    await trust(guarded, "- {name: all, repositories: '**'}\n")
    digest = await guarded.registry.as_("publisher").push_image("shop/web", beside(document()))
    (said,) = await told(guarded)
    assert said["why_not"] == "it was not read yet"
    require(await guarded.registry.as_("maintainer").delete_manifest("shop/web", digest), 202)
    await guarded.work()
    await Caller(guarded.registry.as_("maintainer"))("POST", "/trash/restore/shop/web", {"reference": digest})
    await guarded.work()
    assert await guarded.pull() == (200, "")


async def test_one_about_an_index_is_about_its_images_as_long_as_it_is_there(guarded: Guarded) -> None:
    await trust(guarded, "- {name: all, repositories: '**'}\n")
    both = index([WEB, CLEAN])
    await guarded.registry.client.push_image("shop/web", both, "both")
    await attach(guarded, beside(document(), subject=both))
    assert await guarded.pull() == (200, "")
    assert await guarded.pull(WEB.digest) == (200, "")
    require(await guarded.registry.as_("maintainer").delete_manifest("shop/web", both.digest), 202)
    assert (await guarded.pull(WEB.digest))[0] == 403


async def test_one_that_was_there_before_its_image_counts_when_that_comes(guarded: Guarded) -> None:
    await trust(guarded, "- {name: all, repositories: '**'}\n")
    await guarded.registry.client.push_image("other/web", beside(document()))
    await guarded.push(repository="other/web")
    assert await guarded.pull(repository="other/web") == (200, "")
    assert (await guarded.pull())[0] == 403  # it lies in another repository


ATT = f"{WEB.digest.replace(':', '-')}.att"


async def test_attestations_under_a_tag_count_as_long_as_they_are_under_it(guarded: Guarded) -> None:
    await trust(guarded, "- {name: all, repositories: '**', pushed_by: a-publisher}\n")
    publisher, maintainer = guarded.registry.as_("publisher"), guarded.registry.as_("maintainer")
    digest = await publisher.push_image("shop/web", attestations(document()), ATT)
    await guarded.work()
    assert await guarded.pull() == (200, "")
    (said,) = await told(guarded)
    assert (said["digest"], said["pushed_by"], said["statements"]) == (digest, "a-publisher", 1)
    await publisher.push_image("shop/web", attestations(None), ATT)  # as `cosign attest --replace` does
    assert ((await guarded.pull())[0], await told(guarded)) == (403, [])
    await guarded.work()
    assert (await guarded.pull())[0] == 403
    await publisher.push_image("shop/web", attestations(document()), ATT)
    await guarded.work()
    assert await guarded.pull() == (200, "")
    await publisher.push_image("shop/web", attestations(document()), "other")
    require(await maintainer.delete_manifest("shop/web", ATT), 202)
    assert (await guarded.pull())[0] == 403
    await publisher.push_image("shop/web", attestations(document()), ATT)
    await guarded.work()
    require(await maintainer.delete_manifest("shop/web", digest), 202)
    assert (await guarded.pull())[0] == 403
    await Caller(maintainer)("POST", "/trash/restore/shop/web", {"reference": digest})
    await guarded.work()
    (said,) = await told(guarded)
    assert said["why_not"] == "no rule trusts a-maintainer, who brought it"
    await publisher.push_image("shop/web", attestations(document()), ATT)  # the tag stays where it is
    assert await guarded.pull() == (200, "")


async def test_attestations_under_a_tag_are_about_what_it_names_alone(guarded: Guarded) -> None:
    await trust(guarded, "- {name: all, repositories: '**'}\n")
    await guarded.registry.client.push_image("shop/web", attestations(document(), OTHER), ATT)
    await guarded.work()
    (said,) = await told(guarded)
    assert said["why_not"] == "the in-toto statement is about something else than what it was pushed beside"
    await guarded.registry.client.push_image("shop/web", attestations(document(), WEB.digest), "sha256-00.att")
    await guarded.work()
    assert (await guarded.pull())[0] == 403


async def test_what_was_pushed_before_any_were_noticed_is_looked_for_once(guarded: Guarded) -> None:
    db, client = guarded.registry.services.db, guarded.registry.client
    pushed = [await client.push_image("shop/web", beside(document(), said={"n": str(n)})) for n in range(3)]
    pushed.append(await client.push_image("shop/web", attestations(document()), ATT))
    await client.push_image("shop/web", beside(b"{}", "application/spdx+json"))
    await guarded.work()
    known = await attach(guarded, beside(document(), said={"n": "known"}))
    await db.write(_forget, pushed)
    await db.write(jobs.enqueue, trusting.KIND, "before", {}, 0.0)
    await guarded.work()
    said = {each["digest"]: (each["pushed_by"], each["statements"], each["counts"]) for each in await told(guarded)}
    assert said == {known: ("a-publisher", 1, False), **dict.fromkeys(pushed, ("", 1, False))}
    (why_not,) = {each["why_not"] for each in await told(guarded) if each["digest"] != known}
    assert why_not == "it was pushed before that was noted, so no rule trusts who brought it: push it again"
    await trust(guarded, "- {name: sec, repositories: '**', pushed_by: a-maintainer}\n")
    assert (await guarded.pull())[0] == 403
    await trust(guarded, "- {name: all, repositories: '**'}\n")
    assert await guarded.pull() == (200, "")


async def test_what_lay_in_the_trash_then_is_looked_at_when_it_comes_back(guarded: Guarded) -> None:
    await trust(guarded, "- {name: all, repositories: '**', pushed_by: a-maintainer}\n")
    db, client = guarded.registry.services.db, guarded.registry.client
    pushed = [await client.push_image("shop/web", beside(document()))]
    pushed.append(await client.push_image("shop/web", attestations(document()), ATT))
    await guarded.work()
    for each in pushed:
        require(await client.delete_manifest("shop/web", each), 202)
    await db.write(_forget, pushed)
    for each in pushed:
        await Caller(guarded.registry.as_("maintainer"))("POST", "/trash/restore/shop/web", {"reference": each})
        await guarded.work()
        assert await guarded.pull() == (200, ""), each
        assert {said["pushed_by"] for said in await told(guarded)} == {"a-maintainer"}
        require(await client.delete_manifest("shop/web", each), 202)


async def test_a_gate_is_not_settled_until_images_are_judged_by_whose_word_counts_now(guarded: Guarded) -> None:
    await trust(guarded, "- {name: all, repositories: '**'}\n")
    await attach(guarded, beside(document()))
    await guarded.push(CLEAN, "other")
    for rules, outcome in (("  []\n", "block"), ("- {name: all, repositories: '**'}\n", "allow")):
        await trust(guarded, rules, work=False)
        assert not (await gate(guarded))["settled"]
        assert (await gate(guarded, "other"))["settled"], "nothing lies beside it"
        await guarded.work()
        found = await gate(guarded)
        assert (found["settled"], found["outcome"]) == (True, outcome)


async def gate(guarded: Guarded, reference: str = "1") -> dict[str, Any]:
    found = await Caller(guarded.registry.client)("GET", f"/verdicts/shop/web/{reference}")
    said: dict[str, Any] = found["images"][0]["gate"]
    return said


async def test_it_is_looked_for_page_by_page(guarded: Guarded) -> None:
    client = guarded.registry.client
    pushed = [await client.push_image("shop/web", beside(document(), said={"n": str(n)})) for n in range(3)]
    pushed += [await client.push_image("other/web", beside(document()))]
    for name in (ATT, f"sha256-{'1' * 64}.att", "sha256-x.sig"):
        await client.push_image("shop/web", attestations(document()), name)
    assert {each.digest for each in await pages(guarded, vex_before.referrers)} == set(pushed)
    assert [each.tag for each in await pages(guarded, vex_before.tagged)] == sorted([ATT, f"sha256-{'1' * 64}.att"])


async def pages(guarded: Guarded, page: Any) -> list[vex_before.Candidate]:
    """All pages of one, each candidate once."""
    seen: list[vex_before.Candidate] = []
    after: vex_before.Place = ()
    while found := await guarded.registry.services.db.read(page, after, 1):
        seen += found
        after = found[0].place
    assert len({each.place for each in seen}) == len(seen)
    return seen


def _forget(tx: Connection, digests: list[Digest]) -> None:
    tx.execute(delete(vex_attached).where(vex_attached.c.manifest.in_(digests)))


async def test_what_is_wrong_is_told_and_harms_nobody(guarded: Guarded) -> None:
    await trust(guarded, "- {name: all, repositories: '**'}\n")
    many = document()
    many["statements"] *= attached.STATEMENTS_AT_MOST + 1
    cases: list[tuple[object, str]] = [
        (b"{", "it is not JSON"),
        (b"[" * 100_000, "it is not JSON"),
        ({"@context": "https://openvex.dev/ns", "statements": [{"status": "fine"}]}, "is none of not_affected"),
        (many, "more than 2000 statements"),
        (b" " * (attached.BYTES_AT_MOST + 1), "at most 4194304 bytes"),
        ({}, "there is no statement in it"),
    ]
    for content, why in cases:
        digest = await attach(guarded, beside(content))
        (said,) = [each for each in await told(guarded) if each["digest"] == digest]
        assert why in said["why_not"]
    assert (await guarded.pull())[0] == 403


async def test_bills_and_provenance_are_no_documents(guarded: Guarded) -> None:
    plain = {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": []}
    await attach(guarded, beside(plain, CYCLONEDX))
    await attach(guarded, beside(envelope(statement({}, type="https://slsa.dev/provenance/v1")), DSSE, type=IN_TOTO))
    assert await told(guarded) == []


async def test_no_more_than_so_many_count_and_untrusted_ones_are_not_among_them(guarded: Guarded) -> None:
    await trust(guarded, "- {name: sec, repositories: '**', pushed_by: a-maintainer}\n")
    await attach(guarded, beside(document()), "maintainer")
    for number in range(3):
        guarded.registry.clock.advance(1)
        await attach(guarded, beside(document(), said={"org.opencontainers.image.created": str(number)}))
    assert [each["counts"] for each in await told(guarded)] == [False, False, False, True]
    assert await guarded.pull() == (200, "")


async def test_the_rules_are_policy_as_code(guarded: Guarded) -> None:
    await attach(guarded, beside(document()))
    api = Caller(guarded.registry.client)
    rule = "- {name: shop, repositories: shop/**, pushed_by: [a-publisher, 'group:security']}\n"
    planned = await api("POST", "/policy/plan", {"policy": f"version: 1\nvex:\n{rule}", "prune": True})
    assert "of 1 VEX documents beside images 1 begin to count and 0 count no more" in json.dumps(planned)
    await trust(guarded, rule)
    exported = (await api("GET", "/policy"))["policy"]
    assert "vex:\n- name: shop\n  repositories: shop/**\n  pushed_by:\n  - a-publisher\n" in exported
    for wrong, why in (
        ("- {name: a, repositories: '**', by: x}", "unknown key"),
        ("- {name: a}", "repositories is missing"),
        ("- {name: a, repositories: '**', pushed_by: []}", "at least one name"),
        ("- {name: a, repositories: '**', pushed_by: nobody-such}", "nobody-such is not known"),
    ):
        answer = await api("POST", "/policy/apply", {"policy": f"version: 1\nvex:\n{wrong}\n"}, status=400)
        assert why in json.dumps(answer)


# --- the forms, without a server


def parsed(image: Image) -> Any:
    return spec.parse(image.raw, image.media_type)


FORMS: dict[str, Image] = {
    "oras, the layer of the same type": beside(document()),
    "oras, the layer of no type": beside(document(), "application/vnd.oci.image.layer.v1.tar", type=OPENVEX),
    "CSAF": beside(csaf(PURL), "application/vnd.csaf+json"),
    "CycloneDX": beside(cyclonedx(PURL), CYCLONEDX),
    "cosign 2, by referrers": beside(envelope(statement(document())), DSSE),
    "cosign 3": beside(bundle(statement(document())), BUNDLE),
    "a bare statement": beside(statement(document()), IN_TOTO),
}
FORMS["docker scout"] = beside(
    envelope(statement(document())), IN_TOTO, said={"in-toto.io/predicate-type": "https://openvex.dev/ns/v0.2.0"}
)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_that_tools_push_is_read(form: str) -> None:
    image = FORMS[form]
    (part,) = attached.parts(parsed(image))
    read = attached.read(image.blobs[part.digest], WEB.digest, "x")
    assert read is not None
    (said,) = read[0]
    assert said.status == "not_affected"


def test_a_statement_about_another_image_is_refused() -> None:
    with pytest.raises(RequestInvalid, match="about something else"):
        attached.read(json.dumps(envelope(statement(document(), OTHER))).encode(), WEB.digest, "x")


def test_one_that_says_of_itself_that_it_is_something_else_is_not_read() -> None:
    said = {"in-toto.io/predicate-type": "https://slsa.dev/provenance/v1"}
    assert not attached.parts(parsed(beside({}, IN_TOTO, said=said)))
    assert not attached.parts(parsed(WEB))
