"""A reference in a Dockerfile that is put together from variables: which image it is, and where a digest may go. Pure.

Whoever builds may give a variable another value. A digest must then go with the value that it was written for: behind
``python:${VERSION}-slim`` it would stay, and every version would be the same image.
"""

from dataclasses import replace

from wharfinger.errors import RequestInvalid
from wharfinger.remote import references
from wharfinger.remote.references import ImageReference
from wharfinger.tagging.pinning.docker_lines import Word
from wharfinger.tagging.pinning.docker_variables import Defaults, Expanded, named
from wharfinger.tagging.pinning.found import Form, Found, Slot, filled_in

_IN_ONE_ARGUMENT = "a digest behind it would hold for every value: let the whole tag be one ARG"


def found(written: Word, made: Expanded, defaults: Defaults, reused: frozenset[str]) -> Found:
    """What stands for ``made``; ``reused`` are variables that something else needs as they are."""
    here = Found(written.places[0], written.places[-1] + 1, written.text)
    if why := filled_in(made.text):
        without = sorted(named(made.text) - set(defaults))
        return replace(here, trouble=f"{', '.join(without)} has no default in this file" if without else why)
    try:
        reference = references.parse(made.text)
    except RequestInvalid as error:
        return replace(here, trouble=error.message)
    meant = replace(here, reference=reference, note=f"{made.text} by the defaults of this file")
    slot, why = _slot(made, reference, reused)
    return replace(meant, slot=slot) if slot is not None else replace(meant, note=f"{meant.note}; {why}")


def _slot(made: Expanded, reference: ImageReference, reused: frozenset[str]) -> tuple[Slot | None, str]:
    """Where the digest goes, or why nowhere."""
    rest = made.text.partition("@")[0]
    owners = made.through[-1]
    deciding = frozenset[str]().union(*made.through[len(reference.name) : len(rest)]) - owners
    if deciding:
        return None, f"{_listed(deciding)} decides the tag, and {_IN_ONE_ARGUMENT}"
    if owners & reused:
        return None, f"{_listed(owners & reused)} is used elsewhere too, and cannot hold a digest"
    places = made.places[len(rest) :]
    if not places:
        return Slot(made.places[-1] + 1, made.places[-1] + 1, Form.BEHIND), ""
    if places[-1] - places[0] != len(places) - 1:
        return None, "its digest does not stand in one piece"
    return Slot(places[0], places[-1] + 1, Form.BEHIND), ""


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))
