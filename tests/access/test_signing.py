"""Access tokens: what is in one, how long it counts, and which keys sign and verify."""

import base64
import json
from dataclasses import replace
from typing import Any

import pytest

from tests.kit.clock import Clock
from wharfinger.access import keys, signing
from wharfinger.access.grants import NOBODY, Identity
from wharfinger.access.scopes import Scopes
from wharfinger.access.signing import KEY_SECONDS, LEAD_SECONDS, LIFETIME, AccessTokens
from wharfinger.access.snapshot import Snapshot
from wharfinger.errors import Unauthorized
from wharfinger.meta import grants
from wharfinger.meta.db import Database
from wharfinger.meta.grants import KeyRow
from wharfinger.spec.names import RepoName

NOW = 1_800_000_000.5
KEY, NEXT = signing.new_key(NOW - 1000), signing.new_key(NOW - 10)
SNAPSHOT = Snapshot(keys=(KEY,))
CI = Identity("ci", ("ci",), 7, None, "secret:s1")
WEB = Scopes({RepoName("shop/web"): frozenset({"pull", "push"})}, catalog=True)


def part(token: str, number: int) -> dict[str, Any]:
    text = token.split(".")[number]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return found


def test_a_token_says_who_and_at_most_what() -> None:
    token = AccessTokens().issue(SNAPSHOT, CI, WEB, NOW)
    assert part(token, 0) == {"alg": "ES256", "kid": KEY.id, "typ": "JWT"}
    claims = part(token, 1)
    assert len(claims.pop("jti")) == 16
    assert claims == {
        "iss": "wharfinger",
        "aud": "wharfinger",
        "sub": "ci",
        "iat": int(NOW),
        "nbf": int(NOW),
        "exp": int(NOW) + 300,
        "access": [
            {"type": "repository", "name": "shop/web", "actions": ["pull", "push"]},
            {"type": "registry", "name": "catalog", "actions": ["*"]},
        ],
        "credential": "secret:s1",
        "generation": 7,
    }


def test_what_was_issued_verifies_in_every_process() -> None:
    token = AccessTokens().issue(SNAPSHOT, CI, WEB, NOW)
    claims = AccessTokens().verify(SNAPSHOT, token, NOW)
    assert (claims.account, claims.credential, claims.generation, claims.scopes) == ("ci", "secret:s1", 7, WEB)


def test_two_tokens_are_never_the_same() -> None:
    tokens = AccessTokens()
    assert tokens.issue(SNAPSHOT, NOBODY, Scopes(), NOW) != tokens.issue(SNAPSHOT, NOBODY, Scopes(), NOW)


@pytest.mark.parametrize("warm", [True, False])
def test_a_token_counts_for_its_time_alone(warm: bool) -> None:
    tokens = AccessTokens()
    token = tokens.issue(SNAPSHOT, CI, WEB, NOW)
    if warm:
        tokens.verify(SNAPSHOT, token, NOW)
    end = int(NOW) + LIFETIME
    assert tokens.verify(SNAPSHOT, token, end - 0.001)
    for moment in (end, end + 1000, int(NOW) - 1.001):
        with pytest.raises(Unauthorized) as refusal:
            tokens.verify(SNAPSHOT, token, moment)
        assert (refusal.value.error, refusal.value.message) == ("invalid_token", signing.refused().message)


def test_a_verified_signature_is_remembered_until_the_token_ends_and_there_is_a_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tokens = AccessTokens()
    token = tokens.issue(SNAPSHOT, CI, WEB, NOW)
    first = tokens.verify(SNAPSHOT, token, NOW)
    assert tokens.verify(SNAPSHOT, token, NOW) is first
    with pytest.raises(Unauthorized):
        tokens.verify(SNAPSHOT, token, NOW + LIFETIME)
    assert not tokens._verified
    monkeypatch.setattr(signing, "REMEMBER_AT_MOST", 3)
    for _ in range(10):
        tokens.verify(SNAPSHOT, tokens.issue(SNAPSHOT, CI, WEB, NOW), NOW)
    assert len(tokens._verified) == 3


def test_what_is_not_valid_is_not_remembered() -> None:
    tokens = AccessTokens()
    for number in range(100):
        with pytest.raises(Unauthorized):
            tokens.verify(SNAPSHOT, f"a.b.{number}", NOW)
    assert not tokens._verified


def test_a_new_key_signs_once_every_process_has_seen_it_and_verifies_at_once() -> None:
    both = Snapshot(keys=(KEY, NEXT))
    assert signing.signing_key(both.keys, NEXT.created_at + LEAD_SECONDS - 0.001) is KEY
    assert signing.signing_key(both.keys, NEXT.created_at + LEAD_SECONDS) is NEXT
    assert signing.signing_key((NEXT,), NEXT.created_at) is NEXT
    tokens = AccessTokens()
    for known in (Snapshot(keys=(KEY,)), Snapshot(keys=(NEXT,))):
        assert tokens.verify(both, tokens.issue(known, CI, WEB, NOW), NOW)


def test_a_key_that_is_gone_verifies_nothing() -> None:
    token = AccessTokens().issue(SNAPSHOT, CI, WEB, NOW)
    with pytest.raises(Unauthorized):
        AccessTokens().verify(Snapshot(keys=(NEXT,)), token, NOW)
    with pytest.raises(Unauthorized):
        AccessTokens().verify(Snapshot(), token, NOW)


def test_what_is_published_verifies_and_cannot_sign() -> None:
    published = AccessTokens().published(Snapshot(keys=(KEY, NEXT)))
    assert [key["kid"] for key in published["keys"]] == [KEY.id, NEXT.id]
    for key in published["keys"]:
        assert set(key) == {"kty", "crv", "x", "y", "kid", "use", "alg"}
        assert (key["kty"], key["crv"], key["use"], key["alg"]) == ("EC", "P-256", "sig", "ES256")


async def test_keys_are_made_once_and_renewed_each_month(db: Database, clock: Clock) -> None:
    assert await keys.rotate(db, clock) == 1
    assert await keys.rotate(db, clock) == 0
    clock.advance(KEY_SECONDS - 1)
    assert await keys.rotate(db, clock) == 0
    clock.advance(1)
    assert await keys.rotate(db, clock) == 1
    first, second = await db.read(grants.every_key)
    assert second.created_at == clock()
    assert first.expires_at == clock() + KEY_SECONDS
    clock.advance(KEY_SECONDS)
    assert await keys.rotate(db, clock) == 1
    assert next(key.id for key in await db.read(grants.every_key)) == second.id


async def test_every_new_key_is_seen_by_every_process(db: Database, clock: Clock) -> None:
    before = (await db.read(grants.everything)).revision
    await keys.rotate(db, clock)
    assert (await db.read(grants.everything)).revision == before + 1
    await keys.rotate(db, clock)
    assert (await db.read(grants.everything)).revision == before + 1


def test_when_it_is_time_for_a_new_key() -> None:
    old: KeyRow = replace(KEY, created_at=NOW - KEY_SECONDS)
    assert signing.needs_new_key((), NOW)
    assert signing.needs_new_key((old,), NOW)
    assert not signing.needs_new_key((old, KEY), NOW)
