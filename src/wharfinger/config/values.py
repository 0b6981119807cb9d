"""What a setting's value can be: how it is read from text or YAML, and how it is shown without its secrets.

A ``Kind`` reads one sort of value. Its ``parse`` raises ValueError, with a reason only where "is not ``wanted``"
does not say enough; who reads the setting adds its name, the value unless that is secret, and where it came from.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

Network = IPv4Network | IPv6Network


class ConfigError(Exception):
    """The settings cannot be used. ``problems`` has all of them, each with its setting and where that came from."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class Secret:
    """Text that is printed as ``***``, whoever prints it."""

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)


@dataclass(frozen=True)
class Address:
    """Where to listen; ``host`` is an IP address or a name, IPv6 without its brackets."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Kind:
    """One sort of value: what is wanted, in words that follow "is not"; how it is read; how it is shown."""

    wanted: str
    parse: Callable[[object], Any]
    show: Callable[[Any], str] = str
    secret: bool = False


def text(value: object) -> str:
    if isinstance(value, str):
        return value.strip()
    raise ValueError("text; put it in quotes" if isinstance(value, int | float) else "text")


def flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    words = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
    word = str(value).lower()
    if word not in words:
        raise ValueError
    return words[word]


def whole(low: int, high: int) -> Kind:
    def parse(value: object) -> int:
        number = int(str(value)) if re.fullmatch(r"[0-9]{1,9}", str(value)) else -1
        if not low <= number <= high:
            raise ValueError
        return number

    return Kind(f"a whole number from {low} to {high}", parse)


def choice(*names: str) -> Kind:
    def parse(value: object) -> str:
        if value not in names:
            raise ValueError
        return str(value)

    return Kind(f"one of {', '.join(names)}", parse)


_SIZE = re.compile(r"([0-9]{1,20}(?:\.[0-9]{1,9})?) ?([kKMGT]?i?B)?")
_BYTES = {"B": 1} | {
    unit: base**power
    for power, letter in enumerate("KMGT", start=1)
    for base, unit in ((1000, f"{letter}B"), (1024, f"{letter}iB"))
}


def size(value: object) -> int:
    match = _SIZE.fullmatch(str(value))
    if match is None or isinstance(value, bool):
        raise ValueError
    unit = (match[2] or "B").replace("k", "K")
    if unit not in _BYTES:
        raise ValueError
    return int(float(match[1]) * _BYTES[unit]) if "." in match[1] else int(match[1]) * _BYTES[unit]


def show_size(number: int) -> str:
    for unit in ("TiB", "GiB", "MiB", "KiB"):
        if number and number % _BYTES[unit] == 0:
            return f"{number // _BYTES[unit]}{unit}"
    return str(number)


_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def duration(value: object) -> timedelta:
    match = re.fullmatch(r"([0-9]{1,9}) ?([smhd])", str(value))
    if match is None or int(match[1]) == 0:
        raise ValueError
    seconds = int(match[1]) * _SECONDS[match[2]]
    if seconds > 10 * 366 * _SECONDS["d"]:
        raise ValueError("ten years is the most")
    return timedelta(seconds=seconds)


def show_duration(length: timedelta) -> str:
    seconds = int(length.total_seconds())
    unit = next(unit for unit in ("d", "h", "m", "s") if seconds % _SECONDS[unit] == 0)
    return f"{seconds // _SECONDS[unit]}{unit}"


def address(value: object) -> Address:
    match = re.fullmatch(r"(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9.-]+)):([0-9]{1,5})", text(value))
    if match is None or not 1 <= int(match[3]) <= 65535:
        raise ValueError
    return Address(match[1] or match[2], int(match[3]))


def networks(value: object) -> tuple[Network, ...]:
    parts = value if isinstance(value, list) else text(value).split(",")
    return tuple(ip_network(text(part)) for part in parts if part != "")


def show_networks(value: Iterable[Network]) -> str:
    return ", ".join(map(str, value))


def path(value: object) -> Path:
    return Path(text(value)).expanduser()


def readable_file(value: object) -> Path:
    file = path(value)
    try:
        with file.open("rb") as opened:
            opened.read(1)
    except OSError as error:
        raise ValueError(error.strerror) from error
    return file


def secret(value: object) -> Secret:
    if isinstance(value, str):
        return Secret(value)  # as it is: a password may begin or end with a space
    raise ValueError


def http_url(value: object) -> str:
    parts = urlsplit(text(value))
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None or parts.port == 0:
        raise ValueError
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("nothing may follow the host and port; the registry is at the root")
    return f"{parts.scheme}://{parts.netloc}"


def webhook_url(value: object) -> str:
    parts = urlsplit(text(value))
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0 or parts.fragment:
        raise ValueError
    if parts.username is not None:
        raise ValueError("what proves that it is us is a signature, made with audit_webhook_secret")
    return text(value)


def syslog_url(value: object) -> str:
    parts = urlsplit(text(value).removeprefix("syslog+"))
    if parts.scheme not in ("udp", "tcp", "tls") or not parts.hostname or not parts.port or parts.username is not None:
        raise ValueError
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("nothing may follow the host and port")
    return f"{parts.scheme}://{parts.netloc}"


def database_url(value: object) -> Secret:
    parts = urlsplit(text(value))
    known = parts.scheme in ("postgresql", "sqlite")
    if not known or (parts.scheme == "sqlite" and (parts.netloc or len(parts.path) < 2)):
        raise ValueError
    return Secret(text(value))


def storage_url(value: object) -> str:
    parts = urlsplit(text(value))
    if parts.scheme == "file" and not parts.netloc and len(parts.path) > 1:
        return text(value)
    if parts.scheme not in ("s3", "gs", "az") or not parts.netloc or parts.query or parts.fragment:
        raise ValueError
    if "@" in parts.netloc:
        raise ValueError("keys are given as storage_access_key and storage_secret_key")
    return text(value).rstrip("/")


def show_database(url: Secret) -> str:
    """The URL with ``***`` for its password, also where that is given in the query."""
    shown = re.sub(r"(//[^/@:]*:).*@", r"\1***@", url.reveal())
    return re.sub(r"([?&]password=)[^&]*", r"\1***", shown)


FLAG = Kind("true or false", flag, lambda value: str(value).lower())
TEXT = Kind("text", text)
SIZE = Kind("a size such as 10GiB, 500MB or a number of bytes", size, show_size)
DURATION = Kind("a length of time such as 30s, 15m, 24h or 7d", duration, show_duration)
ADDRESS = Kind("HOST:PORT such as 0.0.0.0:5000 or [::1]:5000", address)
NETWORKS = Kind("a list of networks such as 10.0.0.0/8, 192.168.1.7", networks, show_networks)
FOLDER = Kind("a path", path)
READABLE_FILE = Kind("a file that can be read", readable_file)
SECRET = Kind("text; put it in quotes", secret, secret=True)
HTTP_URL = Kind("a URL such as https://registry.example.com", http_url)
WEBHOOK = Kind("a URL such as https://siem.example.com/wharf", webhook_url, lambda url: re.sub(r"\?.*", "?***", url))
SYSLOG = Kind("tls://HOST:PORT, tcp://HOST:PORT or udp://HOST:PORT", syslog_url)
DATABASE = Kind(
    "postgresql://user:password@host/name or sqlite:///path/to/file", database_url, show_database, secret=True
)
STORAGE = Kind("s3://bucket/prefix, gs://bucket/prefix, az://container/prefix or file:///path", storage_url)
