"""Policy files as commands read them: what is wrong is said before anybody else is asked."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from wharfinger.config import ConfigError
from wharfinger.errors import Refusal, RequestInvalid

T = TypeVar("T")

BYTES_AT_MOST = 4 * 1024 * 1024
FILES_AT_MOST = 1000
SUFFIXES = frozenset({".yaml", ".yml"})


@dataclass(frozen=True, slots=True)
class Source:
    """A policy as it is sent, and how to say where in its file, or its files, something is wrong."""

    text: str
    told: Callable[[RequestInvalid], ConfigError]

    def parsed(self, parse: Callable[[str], T]) -> T:
        """What it says. Raises ConfigError with all that is wrong."""
        try:
            return parse(self.text)
        except RequestInvalid as error:
            raise self.told(error) from error


def policy(path: Path) -> Source:
    """The policy of a file, or of all *.yaml and *.yml of a directory. Raises Refusal, or ConfigError."""
    if not path.is_dir():
        return Source(read(path), lambda error: told(path, error))
    from wharfinger.access import policy_joining

    files = [(str(file), read(file)) for file in _files(path)]
    try:
        joined = policy_joining.join(files)
    except RequestInvalid as error:
        raise ConfigError(_problems(error)) from error

    def placed(error: RequestInvalid) -> ConfigError:
        return ConfigError([joined.told(problem) or f"{path}: {problem}" for problem in _problems(error)])

    return Source(joined.text, placed)


def _files(directory: Path) -> list[Path]:
    """In the order of their names. Subdirectories, and what is hidden, are not looked at."""
    try:
        found = [file for file in directory.iterdir() if file.suffix in SUFFIXES and not file.name.startswith(".")]
    except OSError as error:
        raise Refusal(f"{directory}: cannot read it: {error.strerror}") from error
    files = sorted((file for file in found if not file.is_dir()), key=lambda file: file.name)
    if not files:
        raise Refusal(f"{directory}: there is no *.yaml and no *.yml in it")
    if len(files) > FILES_AT_MOST:
        raise Refusal(f"{directory}: more than {FILES_AT_MOST} files: that is too much for a policy")
    return files


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
    return ConfigError([f"{file}:{problem}" for problem in _problems(error)])


def _problems(error: RequestInvalid) -> list[str]:
    return error.detail.get("problems") or [error.message]


def write(file: Path, text: str) -> None:
    """Raises Refusal."""
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Refusal(f"{file}: cannot write it: {error.strerror}") from error
