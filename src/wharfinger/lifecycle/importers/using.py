"""A foreign policy, used: decided by our own language, and written as our own YAML. One translation serves both."""

from collections.abc import Sequence
from typing import Any

from wharfinger.lifecycle import parsing, writing
from wharfinger.lifecycle.evaluate import Verdict, evaluate
from wharfinger.lifecycle.images import Image
from wharfinger.lifecycle.importers.translation import Translation
from wharfinger.lifecycle.rules import Policy

EVERYWHERE = ("**",)


def policies(translation: Translation, repositories: Sequence[str] = EVERYWHERE) -> tuple[Policy, ...]:
    """The translation as values of the language. Raises RequestInvalid for what is beyond its bounds."""
    return parsing.parse([translation.plain(tuple(repositories))])


def records(translation: Translation, images: Sequence[Image], now: int) -> list[dict[str, Any]]:
    """What the vendor's policy decides: one record an image, in their order, with the vendor's names of its rules."""
    return [_record(translation, verdict) for verdict in evaluate(policies(translation), images, now)]


def _record(translation: Translation, verdict: Verdict) -> dict[str, Any]:
    return verdict.record() | {"rule": translation.origin(verdict.rule)}


def text(translation: Translation, repositories: Sequence[str] = EVERYWHERE) -> str:
    """The translation as a policy file; what to look out for stands at its head as comments."""
    warnings = [f"# {warning}\n" for warning in translation.warnings]
    return "".join([*warnings, writing.text(policies(translation, repositories))])
