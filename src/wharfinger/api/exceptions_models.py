"""What the routes of exceptions take and give."""

from typing import Any

from pydantic import BaseModel, Field

from wharfinger.api.models import Wanted
from wharfinger.meta.exceptions import Exemption
from wharfinger.meta.vex import Document

Because = Field(default="", max_length=2000, description="why")


class ExceptionWanted(Wanted):
    """What is asked for. ``repositories`` is a selector: a name, a glob, a list of them, or a mapping."""

    vulnerability: str = Field(max_length=200)
    package: str = Field(max_length=1000, description="a name or a package URL, with a range of versions or without; *")
    repositories: Any
    digest: str | None = Field(default=None, max_length=200, description="of one image, or of an index")
    reason: str = Field(max_length=2000)
    owner: str = Field(default="", max_length=400, description="who sees to it; else whoever asks")
    ticket: str = Field(default="", max_length=400)
    expires_at: float


class Decision(Wanted):
    """Why it is approved, refused or withdrawn."""

    because: str = Because


class ExceptionView(BaseModel):
    """An exception, and what became of it. ``state`` is as it is now."""

    id: int
    vulnerability: str
    package: str
    repositories: Any
    digest: str | None
    reason: str
    owner: str
    ticket: str
    state: str
    expires_at: float
    requested_by: str
    requested_at: float
    decided_by: str | None
    decided_at: float | None
    decided_because: str | None
    ended_by: str | None
    ended_at: float | None
    ended_because: str | None

    @classmethod
    def of(cls, found: Exemption, now: float) -> "ExceptionView":
        fields = {name: getattr(found, name) for name in cls.model_fields}
        return cls(**fields | {"state": found.state_at(now)})


class ExceptionPage(BaseModel):
    """``next`` is the ``last`` of the next page; null when this is the end."""

    exceptions: list[ExceptionView]
    next: int | None


class DocumentWanted(Wanted):
    """A VEX document as the text of its file, and a selector of the repositories that it counts in."""

    name: str = Field(max_length=400)
    document: str
    repositories: Any


class DocumentView(BaseModel):
    """A VEX document: what it says of its author, who brought it when, and where it counts."""

    id: int
    name: str
    sha256: str
    author: str
    repositories: Any
    statements: int
    imported_by: str
    imported_at: float

    @classmethod
    def of(cls, found: Document) -> "DocumentView":
        return cls(**{name: getattr(found, name) for name in cls.model_fields})


class DocumentPage(BaseModel):
    """``next`` is the ``last`` of the next page; null when this is the end."""

    documents: list[DocumentView]
    next: int | None
