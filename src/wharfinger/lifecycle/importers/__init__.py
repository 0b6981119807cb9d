"""Lifecycle policies of other registries, translated exactly into ours or refused with the reason.

One module for each vendor, all pure; ``IMPORTERS`` has them by the names that ``--from`` takes.
"""

from collections.abc import Callable, Mapping

from wharfinger.errors import RequestInvalid
from wharfinger.lifecycle.importers import acr, ecr, gar, gitlab, harbor, quay
from wharfinger.lifecycle.importers.translation import Made, Translation

__all__ = ["IMPORTERS", "Importer", "Made", "Translation", "translate"]

Importer = Callable[[str], Translation]
"""From the text that the vendor exports. Raises RequestInvalid with the place and the reason."""

IMPORTERS: Mapping[str, Importer] = {
    "acr": acr.translate,
    "ecr": ecr.translate,
    "gar": gar.translate,
    "gitlab": gitlab.translate,
    "harbor": harbor.translate,
    "quay": quay.translate,
}


def translate(kind: str, text: str) -> Translation:
    """The policy of a vendor, in ours. Raises RequestInvalid."""
    if kind not in IMPORTERS:
        raise RequestInvalid(f"{kind[:80]!r} is not known: policies can be had from {', '.join(IMPORTERS)}")
    return IMPORTERS[kind](text)
