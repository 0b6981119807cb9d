"""Policy files as commands read them: what is wrong is said before anybody else is asked."""

from pathlib import Path

from wharfinger.config import ConfigError
from wharfinger.errors import Refusal, RequestInvalid

BYTES_AT_MOST = 4 * 1024 * 1024


def read(file: Path) -> str:
    """The text of the file. Raises Refusal."""
    try:
        with file.open(encoding="utf-8") as opened:
            return opened.read(BYTES_AT_MOST)
    except OSError as error:
        raise Refusal(f"{file}: cannot read it: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise Refusal(f"{file}: not text in UTF-8") from error


def told(file: Path, error: RequestInvalid) -> ConfigError:
    """Everything that is wrong with the file, a line for each."""
    problems = error.detail.get("problems") or [error.message]
    return ConfigError([f"{file}:{problem}" for problem in problems])


def write(file: Path, text: str) -> None:
    """Raises Refusal."""
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Refusal(f"{file}: cannot write it: {error.strerror}") from error
