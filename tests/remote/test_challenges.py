"""What stands in WWW-Authenticate, however it is written."""

from collections.abc import Mapping

import pytest

from wharfinger.remote.challenges import Challenge, parse


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", []),
        ('Bearer realm="https://a/t",service=s', [("bearer", {"realm": "https://a/t", "service": "s"})]),
        ("bearer realm=https://a/t", [("bearer", {"realm": "https://a/t"})]),
        ('Basic realm="a, \\"b\\"" , BEARER a = "1"', [("basic", {"realm": 'a, "b"'}), ("bearer", {"a": "1"})]),
        ("Negotiate, Basic", [("negotiate", {}), ("basic", {})]),
        ('Bearer realm="unended', [("bearer", {"realm": ""})]),
        ('="x"', []),
    ],
)
def test_a_challenge_is_read_however_it_is_written(header: str, expected: list[tuple[str, Mapping[str, str]]]) -> None:
    assert parse(header) == [Challenge(scheme, parameters) for scheme, parameters in expected]
