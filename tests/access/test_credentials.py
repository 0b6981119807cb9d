import base64

import pytest

from wharfinger.access import credentials
from wharfinger.access.credentials import MAX_HEADER, Credentials
from wharfinger.errors import Unauthorized


def basic(text: str | bytes) -> str:
    return "Basic " + base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (basic("ci:secret"), Credentials("ci", "secret")),
        (basic("ci:a:b:c"), Credentials("ci", "a:b:c")),
        (basic("ci:"), Credentials("ci", "")),
        (basic("ci:pässwörd 🔑"), Credentials("ci", "pässwörd 🔑")),
        (basic("ci:secret").replace("Basic", "bAsIc"), Credentials("ci", "secret")),
        ("Bearer abc", Credentials(None, "abc")),
    ],
)
def test_what_is_well_formed_is_read(header: str, expected: Credentials) -> None:
    assert credentials.parse(header) == expected


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Basic",
        "Basic ",
        "Digest abc",
        basic("no colon"),
        basic(":no name"),
        basic(b"ci:\xff\xfe"),
        basic("ci:line\nbreak"),
        basic("ci\x00:secret"),
        basic("ci:\x7f"),
        basic("ci:\x85"),
        "Basic !!!!",
        "Basic Y2k6c2VjcmV0 Y2k6c2VjcmV0",
        "Basic Y2k6\u00e9",
        basic("ci:" + "x" * MAX_HEADER),
    ],
)
def test_what_is_not_is_refused_with_one_message(header: str | None) -> None:
    with pytest.raises(Unauthorized) as refusal:
        credentials.parse(header)
    assert refusal.value.message == credentials.refused().message
    assert not refusal.value.detail
