"""Policies of other registries as ``wharf lifecycle`` reads them."""

import sys
from pathlib import Path
from typing import Any, Literal

from wharfinger.cli import policy_files
from wharfinger.config import ConfigError
from wharfinger.errors import RequestInvalid

Kind = Literal["acr", "ecr", "gar", "gitlab", "harbor", "quay"]


def records(kind: Kind, file: Path, images: Any, now: int) -> list[dict[str, Any]]:
    """What the vendor's policy decides of the images. Raises ConfigError with the place and the reason, or Refusal."""
    from wharfinger.lifecycle.importers import translate, using

    try:
        translation = translate(kind, policy_files.read(file))
        found = using.records(translation, images, now)
    except RequestInvalid as error:
        raise _told(file, error) from error
    _warn(file, translation)
    return found


def text(kind: Kind, file: Path, repositories: tuple[str, ...]) -> str:
    """The vendor's policy as our YAML. Raises ConfigError with the place and the reason, or Refusal."""
    from wharfinger.lifecycle.importers import translate, using

    try:
        translation = translate(kind, policy_files.read(file))
        found = using.text(translation, repositories or using.EVERYWHERE)
    except RequestInvalid as error:
        raise _told(file, error) from error
    _warn(file, translation)
    return found


def _told(file: Path, error: RequestInvalid) -> ConfigError:
    between = ":" if error.message[:1].isdigit() else ": "
    return ConfigError([f"{file}{between}{error.message}"])


def _warn(file: Path, translation: Any) -> None:
    for warning in translation.warnings:
        print(f"wharf: {file}: {warning}", file=sys.stderr)
