"""Which images have a package or a vulnerability."""

from functools import partial
from typing import Annotated

from fastapi import Query

from wharfinger.access.actions import Action
from wharfinger.access.caller import Caller
from wharfinger.api.routes import Anyone, By, Route
from wharfinger.meta.db import Database
from wharfinger.scanning import finder
from wharfinger.scanning.answers import questions
from wharfinger.scanning.answers.questions import TEXT_AT_MOST
from wharfinger.scanning.books import Books
from wharfinger.scanning.finder import Answer, Wanted
from wharfinger.select import parsing
from wharfinger.select.selectors import Selector
from wharfinger.spec import digest as digests
from wharfinger.spec.names import RepoName

PAGE = 100
PAGE_AT_MOST = 200
"""What is told of an image takes some milliseconds."""

Question = Annotated[
    str,
    Query(max_length=TEXT_AT_MOST, description="a package, like `pkg:npm/lodash@<4.17.21`, or a vulnerability's name"),
]
Selected = Annotated[str | None, Query(max_length=TEXT_AT_MOST, description="only repositories that this glob selects")]
Running = Annotated[bool, Query(description="only images that a reporter says run")]
Last = Annotated[str, Query(description="the digest after which the page begins: `next` of the page before")]
Limit = Annotated[int, Query(ge=1, le=PAGE_AT_MOST, description="how many images")]


class FindingHandlers:
    """Searching what was found when images were scanned."""

    def __init__(self, db: Database, books: Books) -> None:
        self._db = db
        self._books = books

    def routes(self) -> list[Route]:
        return [Route("GET", "/find", self.find, Anyone.WITH_AN_ACCOUNT)]

    async def find(
        self,
        by: By,
        q: Question,
        repository: Selected = None,
        in_use: Running = False,
        last: Last = "",
        n: Limit = PAGE,
    ) -> Answer:
        """Images by digest, in repositories that the caller may pull from. The first page says what was searched."""
        selected = None if repository is None else parsing.parse(repository, of="repository")
        after = digests.parse(last) if last else ""
        wanted = Wanted(questions.parse(q), partial(_may, by, selected), in_use, after, n)
        return await self._db.read(finder.find, wanted, self._books, by.now)


def _may(by: Caller, selected: Selector | None, repository: RepoName) -> bool:
    return (selected is None or selected.matches(repository)) and by.may(Action.PULL, repository)
