"""`wharf gate --exceptions`: what was approved on a server counts where there is none."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.cli.server import Wharf
from tests.scanning.test_commands import gate, wharf
from tests.scanning.test_vex import openvex
from wharfinger.errors import RequestInvalid
from wharfinger.scanning.gate import exceptions_file

pytestmark = pytest.mark.slow
__all__ = ["wharf"]  # a fixture


def exported(**more: Any) -> dict[str, Any]:
    return {
        "id": 7,
        "vulnerability": "CVE-2026-1000",
        "package": "openssl@<3.0.17",
        "repositories": "shop/*",
        "digest": None,
        "reason": "not reachable",
        "owner": "anna",
        "ticket": "",
        "state": "approved",
        "expires_at": time.time() + 3600,
        "requested_by": "anna",
        "decided_by": "bert",
    } | more


def write(*found: dict[str, Any]) -> tuple[str, ...]:
    Path("exceptions.json").write_text(json.dumps(found))
    return "--exceptions", "exceptions.json", "--repository", "shop/web"


def test_an_approved_exception_lets_it_pass_and_says_so(wharf: Wharf) -> None:
    assert gate(wharf).status == 1
    result = gate(wharf, *write(exported()), "--output", "json")
    assert result.status == 0, result
    (judgement,) = result.json["judgements"]
    assert judgement["rule"] == "suppressed"
    assert "not reachable (requested by anna, approved by bert)" in judgement["reason"]
    assert result.json["scan"]["images"][0]["findings"][0]["suppressed"] == judgement["reason"]


def test_what_is_not_approved_over_or_elsewhere_counts_for_nothing(wharf: Wharf) -> None:
    for more in (
        {"state": "requested", "decided_by": None},
        {"state": "withdrawn"},
        {"expires_at": time.time() - 1},
        {"repositories": "other/*"},
        {"package": "openssl@<3"},
        {"digest": "sha256:" + 64 * "0"},
    ):
        assert gate(wharf, *write(exported(**more))).status == 1, more


def test_an_exception_goes_before_a_statement_which_has_met_something_all_the_same(wharf: Wharf) -> None:
    Path("vex.json").write_text(json.dumps(openvex("pkg:deb/debian/openssl")))
    result = gate(wharf, *write(exported()), "--vex", "vex.json", "--output", "json")
    assert result.json["unmatched"] == []
    assert result.json["judgements"][0]["reason"].startswith("exception 7")


def test_yaml_of_the_same_form_is_read(wharf: Wharf) -> None:
    told = {key: value for key, value in exported().items() if value}
    Path("exceptions.yaml").write_text("-\n" + "".join(f"  {key}: {json.dumps(told[key])}\n" for key in told))
    assert gate(wharf, "--exceptions", "exceptions.yaml", "--repository", "shop/web").status == 0


def test_without_a_repository_it_cannot_be_decided(wharf: Wharf) -> None:
    write(exported())
    said = wharf.refused(
        "gate", "web", "--advisories", "known", "--fail-on", "critical", "--exceptions", "exceptions.json", status=2
    )
    assert "say with --repository" in said


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "want a list"),
        (b"\xff", "no text"),
        (b"{", "x"),
        (b"[1]", "exception 1: want what"),
        (json.dumps([exported(decided_by="anna")]).encode(), "exception 1: nobody else"),
        (json.dumps([exported(decided_by=None)]).encode(), "nobody else"),
        (json.dumps([exported(expires_at="soon")]).encode(), "no number"),
        (json.dumps([exported(expires_at=1e300)]).encode(), "no number"),
        (json.dumps([exported(digest=1)]).encode(), "digest"),
        (json.dumps([exported(vulnerability="x")]).encode(), "names no vulnerability"),
        (json.dumps([exported(repositories={})]).encode(), "repositories"),
    ],
)
def test_what_is_no_list_of_exceptions_is_refused_by_name(raw: bytes, said: str) -> None:
    with pytest.raises(RequestInvalid, match=said) as refused:
        exceptions_file.parse(raw, "x.json")
    assert "x.json" in refused.value.message
