"""The formats of bills of materials by their names. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from wharfinger.scanning.sbom import cyclonedx, spdx
from wharfinger.scanning.sbom.subject import Subject

Name = Literal["cyclonedx", "spdx"]


@dataclass(frozen=True, slots=True)
class Format:
    """How a bill is written, and what its content is called."""

    media_type: str
    text: Callable[[Subject], str]


FORMATS: Mapping[Name, Format] = {
    "cyclonedx": Format(cyclonedx.MEDIA_TYPE, cyclonedx.text),
    "spdx": Format(spdx.MEDIA_TYPE, spdx.text),
}
