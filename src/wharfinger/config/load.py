"""Settings from all their sources: the command line wins over the environment, that over the file, that over defaults.

Nothing that is given is ignored in silence: a wrong value is reported even where a stronger source overrides it.
"""

import re
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from wharfinger.config.settings import DESCRIPTIONS, Settings
from wharfinger.config.values import ConfigError

PREFIX = "WHARF_"

NOT_SETTINGS = re.compile(
    r"CONFIG|ID_TOKEN|TEST_.*"  # where the file is; what wharf login shows; the test suite's own
    r"|SERVICE_(HOST|PORT.*)|PORT(_[0-9]+_(TCP|UDP).*)?"  # what Kubernetes sets when a Service is named "wharf"
)
"""Variables that start with WHARF_ and are none of ours to complain about, without the prefix."""

PAIRS = (
    ("tls_cert", "tls_key"),
    ("storage_access_key", "storage_secret_key"),
    ("oidc_issuer", "oidc_client_id"),
    ("ldap_url", "ldap_base"),
    ("ldap_bind_dn", "ldap_bind_password"),
    ("audit_webhook", "audit_webhook_secret"),
)
"""Settings of which both are given or neither."""

NEEDS = (
    # Where a provider sends people back to must not depend on what host name a request brought along.
    ("oidc_issuer", "public_url"),
    ("oidc_client_secret", "oidc_issuer"),
    ("ldap_bind_dn", "ldap_url"),
    ("ldap_groups_base", "ldap_url"),
)
"""Settings that are of no use without another one."""


@dataclass(frozen=True)
class Loaded:
    """Settings and, for each, where its value came from."""

    settings: Settings
    origins: Mapping[str, str]


@dataclass(frozen=True)
class _Given:
    name: str
    value: object
    origin: str


def load(file: Path | None, environment: Mapping[str, str], options: Mapping[str, object]) -> Loaded:
    """The settings. ``options`` are those of the command line, by setting; None is one that was not given.

    Raises ConfigError with all that is wrong.
    """
    problems: list[str] = []
    values: dict[str, Any] = {}
    origins = dict.fromkeys(DESCRIPTIONS, "default")
    for given in _all_given(file, environment, options, problems):
        origins[given.name] = given.origin
        try:
            values[given.name] = DESCRIPTIONS[given.name].kind.parse(given.value)
        except ValueError as error:
            problems.append(_wrong(given, str(error)))
    problems += _half_pairs(origins)
    problems += [] if problems else _unusable_certificate(values)
    if problems:
        raise ConfigError(problems)
    return Loaded(Settings(**values), origins)


def _all_given(
    file: Path | None, environment: Mapping[str, str], options: Mapping[str, object], problems: list[str]
) -> Iterator[_Given]:
    """What the sources say, the weakest first; what is not a setting goes to ``problems``."""
    try:
        yield from _known(_from_file(file) if file else (), problems)
    except ConfigError as error:
        problems += error.problems
    yield from _known(_from_environment(environment), problems)
    yield from _known((_Given(name, value, f"--{name.replace('_', '-')}") for name, value in options.items()), problems)


def _known(givens: Iterator[_Given] | tuple[()], problems: list[str]) -> Iterator[_Given]:
    for given in givens:
        if given.name in DESCRIPTIONS:
            if given.value not in (None, ""):
                yield given
        else:
            problems.append(_unknown(given))


def _from_environment(environment: Mapping[str, str]) -> Iterator[_Given]:
    for variable, value in sorted(environment.items()):
        name = variable.removeprefix(PREFIX)
        if variable.startswith(PREFIX) and not NOT_SETTINGS.fullmatch(name):
            yield _Given(name.lower(), value, variable)


def _from_file(file: Path) -> Iterator[_Given]:
    loader = yaml.SafeLoader(_read(file))
    try:
        root = loader.get_single_node()
        if root is None:
            return
        if not isinstance(root, yaml.MappingNode):
            raise ConfigError([f"{file}: want lines of the form 'setting: value'"])
        seen = set()
        for key, value in root.value:
            name, origin = str(loader.construct_object(key, deep=True)), f"{file} line {key.start_mark.line + 1}"
            if name in seen:
                raise ConfigError([f"{name}: given twice in one file (from {origin})"])
            seen.add(name)
            yield _Given(name, loader.construct_object(value, deep=True), origin)
    except yaml.YAMLError as error:
        raise ConfigError([f"{file}: not YAML: {' '.join(str(error).split())}"]) from error
    finally:
        loader.dispose()


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError([f"{file}: cannot read the settings: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise ConfigError([f"{file}: not text in UTF-8"]) from error


def _wrong(given: _Given, reason: str) -> str:
    kind = DESCRIPTIONS[given.name].kind
    value = "the value (secret, not shown here)" if kind.secret else repr(given.value)
    because = f": {reason}" if reason else ""
    return f"{given.name}: {value} is not {kind.wanted}{because} (from {given.origin})"


def _unknown(given: _Given) -> str:
    close = get_close_matches(given.name, DESCRIPTIONS, n=1)
    hint = f"did you mean {close[0]}?" if close else "'wharf config show' lists all"
    return f"{given.name}: no such setting; {hint} (from {given.origin})"


def _half_pairs(origins: Mapping[str, str]) -> Iterator[str]:
    for pair in PAIRS:
        given = [name for name in pair if origins[name] != "default"]
        if len(given) == 1:
            missing = next(name for name in pair if name not in given)
            yield f"{missing}: missing, and {given[0]} needs it (from {origins[given[0]]})"
    for name, needed in NEEDS:
        if origins[name] != "default" and origins[needed] == "default":
            yield f"{needed}: missing, and {name} needs it (from {origins[name]})"


def _unusable_certificate(values: Mapping[str, Any]) -> list[str]:
    if "tls_cert" not in values:
        return []
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(values["tls_cert"], values["tls_key"], "")
    except (ssl.SSLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        return [f"tls_cert, tls_key: {values['tls_cert']} and {values['tls_key']} cannot be used together: {reason}"]
    return []
