"""Tokens that are not ours, or say what ours do not: each must be refused, wherever a token may stand."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from joserfc import jws
from joserfc.jwk import ECKey, OctKey, RSAKey
from joserfc.jws import JWSRegistry
from sqlalchemy import Connection

from tests.conftest import Registry
from tests.kit.client import require
from tests.kit.images import image
from tests.kit.people import People
from tests.kit.raw import raw
from wharfinger.access import signing
from wharfinger.meta import accounts, grants
from wharfinger.meta.grants import KeyRow

IMAGE = image(seed=31)
WANTED = "repository:secret/web:pull"


@pytest.fixture
async def people(registry: Registry) -> People:
    """secret/web holds an image, which ``root`` may pull and ``ci`` may not."""
    await registry.client.push_image("secret/web", IMAGE, "1.4")
    made = People(registry)
    await made.add("root", ("administrator", "**"))
    await made.add("ci", ("publisher", "shop/**"))
    return made


@pytest.fixture
async def ours(registry: Registry) -> KeyRow:
    """The key that the registry signs with: what an attacker does not have, but for its public half."""
    return (await registry.services.db.read(grants.every_key))[0]


def encoded(fields: Any) -> str:
    raw = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decoded(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    header, claims = (json.loads(base64.urlsafe_b64decode(part + "===")) for part in token.split(".")[:2])
    return header, claims


def signed(header: dict[str, Any], claims: dict[str, Any], key: Any, algorithm: str) -> str:
    registry = JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    return jws.serialize_compact(header | {"alg": algorithm}, json.dumps(claims).encode(), key, registry=registry)


async def assert_refused(people: People, token: str) -> None:
    """Wherever a token may stand."""
    for answer in (
        await people.with_token(token).get_manifest("secret/web", "1.4"),
        await people.with_token(token).request("GET", "/v2/"),
        await people.with_token(token).request("GET", "/token"),
        await people.with_token(token).request("GET", "/api/v1/whoami"),
    ):
        require(answer, 401)
    answer = await people.with_token(token).get_manifest("secret/web", "1.4")
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


@pytest.fixture
async def genuine(people: People) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a token that is worth everything, to be forged."""
    token = await people.token("root", WANTED)
    require(await people.with_token(token).get_manifest("secret/web", "1.4"), 200)
    return decoded(token)


Genuine = tuple[dict[str, Any], dict[str, Any]]


# --- who signed it


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", "", None, 0, ["none"]])
@pytest.mark.parametrize("signature", ["", "AA", "."])
async def test_an_unsigned_token(people: People, genuine: Genuine, algorithm: object, signature: str) -> None:
    header, claims = genuine
    await assert_refused(people, f"{encoded(header | {'alg': algorithm})}.{encoded(claims)}.{signature}")
    await assert_refused(people, f"{encoded({'alg': algorithm})}.{encoded(claims)}.{signature}")


async def test_a_signature_that_was_taken_off(people: People) -> None:
    header, claims, _ = (await people.token("root", WANTED)).split(".")
    for rest in ("", ".", ".AAAA", "." + "A" * 86):
        await assert_refused(people, f"{header}.{claims}{rest}")


def public_forms(ours: KeyRow) -> list[bytes]:
    """All that somebody may take our public key for, as bytes."""
    key = ECKey.import_key(ours.private)
    public = key.public_key
    formats = serialization.PublicFormat
    return [
        key.as_pem(private=False),
        key.as_pem(private=False).strip(),
        public.public_bytes(serialization.Encoding.DER, formats.SubjectPublicKeyInfo),
        public.public_bytes(serialization.Encoding.X962, formats.UncompressedPoint),
        json.dumps(key.as_dict(private=False)).encode(),
        json.dumps(key.as_dict(private=False), separators=(",", ":")).encode(),
        b"",
        ours.id.encode(),
    ]


@pytest.mark.parametrize("hash", ["sha256", "sha384", "sha512"])
async def test_our_public_key_taken_for_a_shared_secret(
    people: People, genuine: Genuine, ours: KeyRow, hash: str
) -> None:
    header, claims = genuine
    for secret in public_forms(ours):
        text = f"{encoded(header | {'alg': hash.replace('sha', 'HS')})}.{encoded(claims)}"
        signature = hmac.new(secret, text.encode(), getattr(hashlib, hash)).digest()
        await assert_refused(people, f"{text}.{encoded(signature)}")


async def test_a_key_of_somebody_else(people: People, genuine: Genuine) -> None:
    header, claims = genuine
    for algorithm, key in (
        ("ES256", ECKey.generate_key("P-256")),
        ("ES384", ECKey.generate_key("P-384")),
        ("RS256", RSAKey.generate_key(2048)),
        ("PS256", RSAKey.generate_key(2048)),
        ("HS256", OctKey.generate_key(256)),
    ):
        for kid in (header["kid"], "unknown", "", None):
            await assert_refused(
                people, signed(header | {"kid": kid} if kid is not None else {}, claims, key, algorithm)
            )


async def test_our_own_key_with_another_algorithm_or_without_its_name(
    people: People, genuine: Genuine, ours: KeyRow
) -> None:
    """Whoever had our key could do anything; what is tried here is that nothing but ES256 under its name is taken."""
    header, claims = genuine
    key = ECKey.import_key(ours.private)
    del header["kid"]
    await assert_refused(people, signed(header, claims, key, "ES256"))
    await assert_refused(people, signed(header | {"kid": "other"}, claims, key, "ES256"))


@pytest.mark.parametrize("where", ["jwk", "jku", "x5u", "x5c", "crit"])
async def test_a_key_that_the_token_brings_or_names(people: People, genuine: Genuine, where: str) -> None:
    header, claims = genuine
    key = ECKey.generate_key("P-256", {"kid": header["kid"]})
    public = key.as_dict(private=False)
    brought: dict[str, Any] = {
        "jwk": public,
        "jku": "http://127.0.0.1:1/jwks.json",
        "x5u": "http://127.0.0.1:1/cert.pem",
        "x5c": [base64.b64encode(b"certificate").decode()],
        "crit": ["kid"],
    }
    for kid in (header["kid"], "mine"):
        forged = header | {"kid": kid, where: brought[where]}
        await assert_refused(people, signed(forged, claims, key, "ES256"))


@pytest.mark.parametrize(
    "kid",
    [
        *("../../../../dev/null", "/dev/null", "file:///etc/passwd", "http://127.0.0.1:1/key", "' OR 1=1 --"),
        *("\0", "x" * 4000, "*", "0", "None", "\u2028", 0, True, [], {}, ["a"], {"a": 1}),
    ],
)
async def test_a_key_id_that_is_more_than_a_name(people: People, genuine: Genuine, kid: object) -> None:
    header, claims = genuine
    key = ECKey.generate_key("P-256")
    text = f"{encoded(header | {'kid': kid})}.{encoded(claims)}"
    genuine_like = signed(header, claims, key, "ES256").rpartition(".")[2]
    await assert_refused(people, f"{text}.{genuine_like}")
    empty = hmac.new(b"", text.encode(), hashlib.sha256).digest()  # what /dev/null as a key would be
    await assert_refused(people, f"{text}.{encoded(empty)}")


async def test_the_id_of_another_key_of_ours(registry: Registry, people: People, genuine: Genuine) -> None:
    header, claims = genuine
    other = signing.new_key(registry.clock())

    def add(tx: Connection) -> None:
        accounts.begin_change(tx)
        grants.add_key(tx, other)

    await registry.services.db.write(add)
    registry.services.authenticator.directory.forget()
    await assert_refused(people, signed(header, claims, ECKey.import_key(other.private), "ES256"))


# --- what it says


@pytest.mark.parametrize(
    "change",
    [
        {"aud": "other"},
        {"aud": ["wharfinger", "other"]},
        {"aud": ["wharfinger"]},
        {"aud": ""},
        {"aud": None},
        {"iss": "other"},
        {"iss": "wharfinger "},
        {"iss": ["wharfinger"]},
        {"iss": None},
        {"exp": 1},
        {"exp": "never"},
        {"exp": None},
        {"exp": [9e99]},
        {"nbf": 9e10},
        {"nbf": "now"},
        {"sub": "nobody"},
        {"sub": ["root"]},
        {"sub": ""},
        {"generation": 999},
        {"generation": "x"},
        {"credential": "token:of-nobody"},
        {"credential": "token:of-ci"},
        {"access": "everything"},
        {"access": [{"type": "repository"}]},
        {"access": [1]},
        {"access": None},
    ],
    ids=str,
)
async def test_claims_that_are_not_those_of_a_token_of_ours(
    people: People, genuine: Genuine, ours: KeyRow, change: dict[str, Any]
) -> None:
    """Signed with our very key: so it is the claim that is looked at, and not the signature alone."""
    header, claims = genuine
    key = ECKey.import_key(ours.private)
    require(await people.with_token(signed(header, claims, key, "ES256")).get_manifest("secret/web", "1.4"), 200)
    await assert_refused(people, signed(header, claims | change, key, "ES256"))


@pytest.mark.parametrize("missing", ["iss", "aud", "sub", "exp", "nbf", "access", "credential", "generation"])
async def test_a_claim_that_is_not_there(people: People, genuine: Genuine, ours: KeyRow, missing: str) -> None:
    header, claims = genuine
    del claims[missing]
    await assert_refused(people, signed(header, claims, ECKey.import_key(ours.private), "ES256"))


@pytest.mark.parametrize("payload", [b"", b"[]", b"null", b"1", b"{", b"\xff", b'"x"', b"[" * 5000])
async def test_claims_that_are_none(people: People, genuine: Genuine, ours: KeyRow, payload: bytes) -> None:
    key = ECKey.import_key(ours.private)
    token = jws.serialize_compact(genuine[0], payload, key, algorithms=["ES256"])
    await assert_refused(people, token)


@pytest.mark.parametrize(
    "change",
    [{"sub": "root"}, {"access": [{"type": "repository", "name": "secret/web", "actions": ["pull"]}]}, {"exp": 9e10}],
    ids=str,
)
async def test_what_was_altered_after_it_was_signed(people: People, change: dict[str, Any]) -> None:
    token = await people.token("ci", "repository:shop/web:pull")
    header, _, signature = token.split(".")
    await assert_refused(people, f"{header}.{encoded(decoded(token)[1] | change)}.{signature}")


async def test_every_bit_of_a_token_counts(people: People) -> None:
    """But for the last two of a signature's last character, which stand for nothing."""
    token = await people.token("root", WANTED)
    for position in range(0, len(token) - 1, 17):
        other = "A" if token[position] != "A" else "B"
        require(await people.with_token(f"{token[:position]}{other}{token[position + 1 :]}").tags("secret/web"), 401)


async def test_parts_of_two_tokens(people: People) -> None:
    mine, theirs = (await people.token("ci", WANTED)).split("."), (await people.token("root", WANTED)).split(".")
    await assert_refused(people, ".".join([mine[0], theirs[1], mine[2]]))
    await assert_refused(people, ".".join([theirs[0], mine[1], theirs[2]]))


@pytest.mark.parametrize(
    "token", ["..", ".", "a.b", "a.b.c.d", "a.b.c.d.e", "\u00e4.b.c", "x" * 9000 + ".b.c", "{}.{}.{}"]
)
async def test_what_is_no_token_at_all(registry: Registry, people: People, token: str) -> None:
    status, _, _ = await raw(registry.app, "GET", "/v2/", authorization=b"Bearer " + token.encode())
    assert status == 401
