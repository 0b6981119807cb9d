"""Every format that is known beside OSV: a line for each. Pure."""

from wharfinger.scanning.advisories.native import alpine, debian, redhat
from wharfinger.scanning.advisories.native.native import Native, Recognise

FORMATS: tuple[Recognise, ...] = (debian.recognise, alpine.recognise, redhat.recognise)


def of(data: bytes) -> Native | None:
    """What a file says, if it is of one of them. Raises RecordInvalid where it is, and cannot be read."""
    return next((found for each in FORMATS if (found := each(data)) is not None), None)
