"""A translation as a policy file, for people to read and change."""

from collections.abc import Sequence

import yaml

from wharfinger.lifecycle.importers.translation import Translation

EVERYWHERE = ("**",)


def written(translation: Translation, repositories: Sequence[str] = EVERYWHERE) -> str:
    """The YAML, with the vendor's name of each rule and what to look out for as comments."""
    plain = translation.plain(tuple(repositories))
    warnings = [f"# {translation.name}: {warning}.\n" for warning in translation.warnings]
    return "".join([*warnings, _dumped({"lifecycle": [plain]})])


def _dumped(value: object) -> str:
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)
    return text


class _Dumper(yaml.SafeDumper):
    """Without anchors, which our reader refuses, and with lists set in."""

    def ignore_aliases(self, _: object) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002
        super().increase_indent(flow, indentless=False)
