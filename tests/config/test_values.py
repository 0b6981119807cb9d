"""How each sort of value is read and shown."""

import pickle
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wharfinger.config import Address, Secret, Settings
from wharfinger.config.settings import DESCRIPTIONS
from wharfinger.config.values import show_database, show_duration, show_size

MINUTE = timedelta(minutes=1)

RIGHT: list[tuple[str, object, Any]] = [
    ("listen", "0.0.0.0:5000", Address("0.0.0.0", 5000)),
    ("listen", "[::1]:5000", Address("::1", 5000)),
    ("listen", "localhost:80", Address("localhost", 80)),
    ("workers", 64, 64),
    ("workers", "1", 1),
    ("public_url", "https://r.example.com/", "https://r.example.com"),
    ("public_url", "http://r.example.com:8080", "http://r.example.com:8080"),
    ("trusted_proxies", "10.0.0.0/8, ::1", (ip_network("10.0.0.0/8"), ip_network("::1/128"))),
    ("trusted_proxies", ["192.168.1.7"], (ip_network("192.168.1.7/32"),)),
    ("database", "postgresql://u:p@h:5432/d?sslmode=require", Secret("postgresql://u:p@h:5432/d?sslmode=require")),
    ("database", "sqlite:///some/file.db", Secret("sqlite:///some/file.db")),
    ("database", "sqlite:////some/file.db", Secret("sqlite:////some/file.db")),
    ("storage", "s3://bucket/some/prefix/", "s3://bucket/some/prefix"),
    ("storage", "gs://bucket", "gs://bucket"),
    ("storage", "az://container", "az://container"),
    ("storage", "file:///srv/blobs", "file:///srv/blobs"),
    ("storage_redirect", True, True),
    ("storage_redirect", "yes", True),
    ("storage_redirect", "0", False),
    ("keep_free", "10GiB", 10 << 30),
    ("keep_free", "500MB", 500_000_000),
    ("keep_free", "1.5 KiB", 1536),
    ("keep_free", 1024, 1024),
    ("keep_free", "0", 0),
    ("body_timeout", "60s", MINUTE),
    ("upload_expiry", "7d", timedelta(days=7)),
    ("shutdown_grace", "15 m", timedelta(minutes=15)),
    ("log_level", "debug", "debug"),
    ("admin_password", " pass word ", Secret(" pass word ")),
    ("audit_keep", "730d", timedelta(days=730)),
    ("audit_syslog", "tcp://siem.example.com:6514", "tcp://siem.example.com:6514"),
    ("audit_syslog", "udp://[::1]:514/", "udp://[::1]:514"),
    ("audit_syslog", "tls://siem.example.com:6514", "tls://siem.example.com:6514"),
    ("audit_syslog", "syslog+tls://siem.example.com:6514", "tls://siem.example.com:6514"),
    ("audit_webhook", "https://siem.example.com/wharf?team=a", "https://siem.example.com/wharf?team=a"),
    ("audit_webhook", "http://127.0.0.1:8080/", "http://127.0.0.1:8080/"),
]

WRONG: list[tuple[str, object]] = [
    ("listen", "5000"),
    ("listen", ":5000"),
    ("listen", "::1:5000"),
    ("listen", "127.0.0.1:0"),
    ("listen", "127.0.0.1:65536"),
    ("listen", 5000),
    ("workers", 0),
    ("workers", 65),
    ("workers", "1.5"),
    *[
        ("audit_syslog", f"{text}")
        for text in ("siem:514", "tcp://siem", "http://siem:514", "udp://u@siem:514", "tls:siem")
    ],
    *[("audit_syslog", f"{text}") for text in ("tcp://siem:99999", "tcp://siem:514/path", "tcp://siem:514?x")],
    *[("audit_webhook", f"{text}") for text in ("siem/hook", "ftp://siem/", "file:///etc/passwd", "https://u:p@siem/")],
    *[("audit_webhook", f"{text}") for text in ("https:///hook", "https://siem/#x", "https://siem:0/")],
    ("workers", True),
    ("workers", "²"),
    ("public_url", "r.example.com"),
    ("public_url", "ftp://r.example.com"),
    ("public_url", "https://r.example.com/registry"),
    ("public_url", "https://user:pw@r.example.com"),
    ("public_url", "https://[oops"),
    ("public_url", "https://r.example.com:port"),
    ("trusted_proxies", "10.0.0.1/8"),
    ("trusted_proxies", "proxy.example.com"),
    ("trusted_proxies", [10]),
    ("database", "mysql://h/d"),
    ("database", "sqlite://"),
    ("database", "sqlite://relative.db"),
    ("storage", "s3://"),
    ("storage", "https://bucket"),
    ("storage", "s3://key:secret@bucket"),
    ("storage", "file://host/path"),
    ("storage_redirect", "maybe"),
    ("storage_redirect", 2),
    ("keep_free", "10 gigs"),
    ("keep_free", "10G"),
    ("keep_free", "-1"),
    ("keep_free", "kB"),
    ("keep_free", True),
    ("body_timeout", "60"),
    ("body_timeout", 60),
    ("body_timeout", "0s"),
    ("body_timeout", "99999d"),
    ("log_level", "INFO"),
    ("log_level", ["info"]),
    ("admin_password", 12345678),
    ("data", ["a"]),
]


@pytest.mark.parametrize(("name", "value", "read"), RIGHT)
def test_a_right_value_is_read(name: str, value: object, read: object) -> None:
    assert DESCRIPTIONS[name].kind.parse(value) == read


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_wrong_value_is_refused(name: str, value: object) -> None:
    with pytest.raises(ValueError):
        DESCRIPTIONS[name].kind.parse(value)


@given(st.sampled_from(sorted(DESCRIPTIONS)), st.text() | st.integers() | st.floats() | st.lists(st.text()))
def test_no_value_breaks_the_reading(name: str, value: object) -> None:
    try:
        DESCRIPTIONS[name].kind.parse(value)
    except ValueError:
        return


@given(st.integers(min_value=0, max_value=1 << 60))
def test_a_size_is_shown_as_it_can_be_read(number: int) -> None:
    assert DESCRIPTIONS["keep_free"].kind.parse(show_size(number)) == number


@given(st.integers(min_value=1, max_value=10**8))
def test_a_duration_is_shown_as_it_can_be_read(seconds: int) -> None:
    length = timedelta(seconds=seconds)
    assert DESCRIPTIONS["body_timeout"].kind.parse(show_duration(length)) == length


def test_every_default_is_read_from_what_is_shown_of_it() -> None:
    for each in DESCRIPTIONS.values():
        if each.shown(each.default):
            assert each.kind.parse(each.shown(each.default)) == each.default


def test_no_secret_is_in_what_is_printed_of_the_settings() -> None:
    settings = Settings(database=Secret("postgresql://u:hush@h/d"), admin_password=Secret("hush"))
    assert "hush" not in f"{settings} {settings!r} {settings.admin_password!s}"
    assert settings.admin_password is not None
    assert settings.admin_password.reveal() == "hush"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:hush@h/d", "postgresql://u:***@h/d"),
        ("postgresql://u:hu@sh/@h:5432/d", "postgresql://u:***@h:5432/d"),
        (
            "postgresql://h/d?user=u&password=hush&sslmode=require",
            "postgresql://h/d?user=u&password=***&sslmode=require",
        ),
        ("postgresql://u@h/d", "postgresql://u@h/d"),
        ("sqlite:////srv/wharf.db", "sqlite:////srv/wharf.db"),
    ],
)
def test_a_database_is_shown_without_its_password(url: str, shown: str) -> None:
    assert show_database(Secret(url)) == shown


def test_a_webhook_is_shown_without_its_query_which_may_be_a_secret() -> None:
    assert DESCRIPTIONS["audit_webhook"].shown("https://siem/hook?token=x") == "https://siem/hook?***"


def test_settings_travel_to_other_processes_whole() -> None:
    settings = Settings(data=Path("x"), admin_password=Secret("p"), trusted_proxies=(ip_network("::1"),))
    assert pickle.loads(pickle.dumps(settings)) == settings
