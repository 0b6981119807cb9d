"""An issuer's keys: asked for when they are needed, not more often than that, and kept while it does not answer."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from tests.kit.clock import Clock
from tests.kit.parts.issuer import DISCOVERY, KEYS, Issuer, down, issuer, redirect, with_document
from wharfinger.access import keysets
from wharfinger.access.fetch import Fetch
from wharfinger.access.keysets import KeySets
from wharfinger.errors import Refusal, RequestInvalid, Unavailable, Unreachable
from wharfinger.meta.grants import IssuerRow


@pytest.fixture
def ci() -> Iterator[Issuer]:
    with issuer() as made:
        yield made


@pytest.fixture
def keys(clock: Clock) -> KeySets:
    return KeySets(Fetch(), clock)


def row(ci: Issuer, *, jwks: str | None = None) -> IssuerRow:
    return IssuerRow(ci.url, "aud", jwks, private=True, created_at=1)


def times(ci: Issuer) -> int:
    return ci.asked.count(KEYS)


async def test_keys_are_asked_for_once_and_again_when_they_are_old(ci: Issuer, keys: KeySets, clock: Clock) -> None:
    for _ in range(3):
        assert await keys.find(row(ci), "key-1", "ES256")
    assert ci.asked == [DISCOVERY, KEYS]
    clock.advance(599)
    assert await keys.find(row(ci), "key-1", "ES256")
    assert times(ci) == 1
    clock.advance(1)
    assert await keys.find(row(ci), "key-1", "ES256")
    assert times(ci) == 2


async def test_a_key_that_is_new_is_found_and_one_that_is_not_is_not_asked_for_all_the_time(
    ci: Issuer, keys: KeySets, clock: Clock
) -> None:
    assert await keys.find(row(ci), "key-1", "ES256")
    ci.rotate()
    assert await keys.find(row(ci), "key-2", "ES256") is None
    clock.advance(29)
    assert await keys.find(row(ci), "key-2", "ES256") is None
    assert times(ci) == 1
    clock.advance(1)
    assert await keys.find(row(ci), "key-2", "ES256")
    for number in range(20):
        assert await keys.find(row(ci), f"invented-{number}", "ES256") is None
    assert times(ci) == 2


async def test_a_key_that_is_withdrawn_stops_counting(ci: Issuer, keys: KeySets, clock: Clock) -> None:
    assert await keys.find(row(ci), "key-1", "ES256")
    ci.rotate()
    del ci.keys["key-1"]
    clock.advance(600)
    assert await keys.find(row(ci), "key-1", "ES256") is None


async def test_everybody_at_once_is_one_question(ci: Issuer, keys: KeySets, clock: Clock) -> None:
    found = await asyncio.gather(*(keys.find(row(ci), "key-1", "ES256") for _ in range(50)))
    assert all(found)
    assert times(ci) == 1
    ci.rotate()
    clock.advance(30)
    found = await asyncio.gather(*(keys.find(row(ci), "key-2", "ES256") for _ in range(50)))
    assert all(found)
    assert times(ci) == 2


async def test_nobody_waits_for_new_keys_who_can_use_the_old(ci: Issuer, keys: KeySets, clock: Clock) -> None:
    assert await keys.find(row(ci), "key-1", "ES256")
    may_answer, is_asked = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def wait(_path: str, answer: Any) -> Any:
        loop.call_soon_threadsafe(is_asked.set)
        asyncio.run_coroutine_threadsafe(may_answer.wait(), loop).result()
        return answer

    ci.behave(wait)
    clock.advance(600)
    first = asyncio.create_task(keys.find(row(ci), "key-1", "ES256"))
    await is_asked.wait()
    assert await keys.find(row(ci), "key-1", "ES256")
    assert not first.done()
    may_answer.set()
    assert await first


async def test_an_issuer_that_is_down_is_asked_now_and_then_and_its_keys_count_for_a_day(
    ci: Issuer, keys: KeySets, clock: Clock
) -> None:
    assert await keys.find(row(ci), "key-1", "ES256")
    ci.behave(down())
    clock.advance(hours=23, minutes=59)
    asked = len(ci.asked)
    for _ in range(5):
        assert await keys.find(row(ci), "key-1", "ES256")
    assert len(ci.asked) == asked + 1
    clock.advance(minutes=1)
    for _ in range(5):
        with pytest.raises(Unavailable):
            await keys.find(row(ci), "key-1", "ES256")
    assert len(ci.asked) == asked + 2
    ci.behave()
    clock.advance(30)
    assert await keys.find(row(ci), "key-1", "ES256")


async def test_a_clock_that_is_set_back_does_not_stop_the_asking(ci: Issuer, keys: KeySets, clock: Clock) -> None:
    assert await keys.find(row(ci), "key-1", "ES256")
    ci.rotate()
    clock.advance(-3600)
    assert await keys.find(row(ci), "key-2", "ES256")


async def test_keys_are_those_of_an_issuer_as_it_is_registered(ci: Issuer, keys: KeySets) -> None:
    assert await keys.find(row(ci), "key-1", "ES256")
    keys.forget_all_but({ci.url: row(ci)})
    assert await keys.find(row(ci), "key-1", "ES256")
    assert times(ci) == 1
    keys.forget_all_but({})
    assert await keys.find(row(ci), "key-1", "ES256")
    assert times(ci) == 2


@pytest.mark.parametrize(
    "behaviour",
    [
        redirect("http://127.0.0.1:1/"),
        down(404),
        with_document(issuer="https://other.test"),
        with_document(issuer=None),
        with_document(jwks_uri=None),
        with_document(jwks_uri=["https://x.test"]),
        with_document(jwks_uri="http://10.0.0.1/keys"),
        with_document(jwks_uri="http://169.254.169.254/latest/meta-data"),
        with_document(jwks_uri="https://169.254.169.254/"),
        with_document(jwks_uri="file:///etc/passwd"),
        lambda _path, _answer: (200, {"Content-Type": "application/json"}, b"[]"),
        lambda _path, _answer: (200, {"Content-Type": "application/json"}, b"null"),
    ],
)
async def test_a_document_that_is_not_the_issuers_own_is_not_followed(
    ci: Issuer, keys: KeySets, behaviour: Any
) -> None:
    ci.behave(behaviour)
    with pytest.raises((Unreachable, RequestInvalid)):
        await keys.fetch(ci.url, private=True)
    with pytest.raises(Unavailable):
        await keys.find(row(ci), "key-1", "ES256")
    assert KEYS not in ci.asked


async def test_keys_of_a_public_issuer_are_not_fetched_from_a_private_place(ci: Issuer, keys: KeySets) -> None:
    with pytest.raises(RequestInvalid):
        await keys.fetch(ci.url, private=False)
    assert ci.asked == []


async def test_a_key_is_for_its_own_kind_of_algorithm() -> None:
    rsa, p256, p384, ed = (
        RSAKey.generate_key(2048),
        ECKey.generate_key("P-256"),
        ECKey.generate_key("P-384"),
        OKPKey.generate_key("Ed25519"),
    )
    found = keysets.parse({"keys": [key.as_dict(private=False) | {"kid": "same"} for key in (rsa, p256, p384, ed)]})
    assert [key.kind for key in found] == ["RSA", "EC", "EC", "OKP"]
    assert {
        key.kind: [alg for alg in ("RS256", "ES256", "EdDSA", "HS256", "none") if key.is_for(alg)] for key in found
    } == {
        "RSA": ["RS256"],
        "EC": ["ES256"],
        "OKP": ["EdDSA"],
    }
    only = keysets.parse({"keys": [rsa.as_dict(private=False) | {"alg": "RS512"}]})[0]
    assert only.is_for("RS512")
    assert not only.is_for("RS256")


def test_of_a_private_key_that_somebody_publishes_only_the_public_half_is_kept() -> None:
    kept = keysets.parse({"keys": [ECKey.generate_key("P-256").as_dict(private=True)]})[0]
    assert not kept.key.is_private


EC = ECKey.generate_key("P-256").as_dict(private=False)
RSA = RSAKey.generate_key(2048).as_dict(private=False)


@pytest.mark.parametrize(
    "fields",
    [
        OctKey.generate_key(256).as_dict(private=True),
        EC | {"use": "enc"},
        EC | {"alg": "ECDH-ES"},
        EC | {"alg": "HS256"},
        EC | {"alg": 7},
        EC | {"kid": 7},
        EC | {"kty": "RSA"},
        EC | {"kty": None},
        EC | {"kty": ["EC"]},
        EC | {"crv": "P-521"},
        EC | {"crv": "secp256k1"},
        EC | {"x": "AA"},
        EC | {"x": 7},
        {"kty": "EC"},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
        RSA | {"n": "_" * 1400},
        RSA | {"e": "A" * 100},
        RSA | {"n": 5},
        {"kty": "OKP", "crv": "X25519", "x": "A" * 43},
        "x",
        None,
        [],
    ],
)
def test_a_key_that_is_of_no_use_is_left_out(fields: Any) -> None:
    with pytest.raises(Unreachable):
        keysets.parse({"keys": [fields]})
    assert len(keysets.parse({"keys": [fields, EC]})) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not JSON"),
        ("[" * 50_000, "not JSON"),
        ("{}", "want"),
        ("[]", "want"),
        ('{"keys": {}}', "want"),
        (json.dumps({"keys": [EC] * 101}), "at most 100"),
        (json.dumps({"keys": []}), "no key"),
        (json.dumps({"keys": [ECKey.generate_key("P-256").as_dict(private=True)]}), "private or secret"),
        (json.dumps({"keys": [OctKey.generate_key(256).as_dict(private=True)]}), "private or secret"),
        (" " * 60_001, "at most 60000"),
    ],
)
def test_a_key_set_that_is_given_is_looked_at_at_once(text: str, said: str) -> None:
    with pytest.raises(RequestInvalid, match=said) as refusal:
        keysets.parse_text(text)
    assert isinstance(refusal.value, Refusal)
    assert "d" not in refusal.value.detail


async def test_a_token_without_a_key_id_needs_the_only_key(ci: Issuer, keys: KeySets) -> None:
    one = row(ci, jwks=json.dumps(ci.jwks()))
    assert await keys.find(one, None, "ES256")
    assert await keys.find(one, None, "RS256") is None
    ci.rotate()
    two = row(ci, jwks=json.dumps(ci.jwks()))
    assert await keys.find(two, None, "ES256") is None
    assert ci.asked == []
