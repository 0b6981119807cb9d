"""The file that remembers a login: the registry's address and a token that expires, never a password."""

import json
import os
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path

from wharfinger.errors import Refusal


@dataclass(frozen=True)
class Login:
    """Where, as whom, and until when.

    One by workload has the ``audience`` for which its token was made, and the ``file`` that the token was in, if any.
    """

    url: str
    username: str
    token: str = field(repr=False)
    expires: float
    audience: str = ""
    file: str = ""


def file() -> Path:
    """Where the login is kept."""
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(home) / "wharfinger" / "login.json"


def load() -> Login:
    """The login. Raises Refusal when there is none, or none that can be read."""
    try:
        fields = json.loads(file().read_text(encoding="utf-8"))
        return Login(**fields)
    except FileNotFoundError as error:
        raise Refusal("you are not logged in: run 'wharf login URL'") from error
    except OSError as error:
        raise Refusal(f"cannot read {file()}: {error.strerror}") from error
    except (ValueError, TypeError) as error:
        raise Refusal(f"{file()} is damaged: run 'wharf login URL' again") from error


def save(login: Login) -> None:
    """Keep the login for this user alone; whoever reads meanwhile sees the old one or the new one, whole."""
    try:
        _replace(file(), json.dumps({name: value for name, value in asdict(login).items() if value != ""}, indent=1))
    except OSError as error:
        raise Refusal(f"cannot write {file()}: {error.strerror}") from error


def forget() -> None:
    """Remove the file; safe to repeat."""
    file().unlink(missing_ok=True)


def _replace(target: Path, text: str) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    target.parent.chmod(0o700)
    beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
        beside.replace(target)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
