"""What a user means by ``shop/web:1.4`` or ``shop/web@sha256:…``."""

from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter

from wharfinger.errors import RequestInvalid
from wharfinger.spec import digest as digests
from wharfinger.spec import names
from wharfinger.spec.names import Reference, RepoName

ImageName = Annotated[str, Parameter(help="REPOSITORY:TAG or REPOSITORY@DIGEST, for example shop/web:1.4.")]


@dataclass(frozen=True, slots=True)
class Image:
    """A tag or a manifest of a repository."""

    repository: RepoName
    reference: Reference

    @property
    def is_tag(self) -> bool:
        return not names.is_digest(self.reference)

    def __str__(self) -> str:
        return f"{self.repository}:{self.reference}" if self.is_tag else f"{self.repository}@{self.reference}"


def parse(text: str) -> Image:
    """The image that ``text`` names; which tag is not guessed. Raises RequestInvalid, or what its parts are not."""
    name, at, digest = text.partition("@")
    if at:
        return Image(names.repository(name), digests.parse(digest))
    name, colon, tag = text.rpartition(":")
    if not colon or "/" in tag:
        raise RequestInvalid(f"{text}: say which one, {text}:TAG or {text}@DIGEST")
    return Image(names.repository(name), names.tag(tag))
