"""Looking at access: why somebody may, who may do what, and what should be looked at."""

from wharfinger.access import asking
from wharfinger.access.actions import Action
from wharfinger.access.oversight import Oversight
from wharfinger.access.review import OLD
from wharfinger.api.oversight_models import ExplanationView, MatrixView, ReviewView
from wharfinger.api.routes import Anyone, By, Route

FINDINGS_AT_MOST = 10_000


class OversightHandlers:
    """Questions about access, which change nothing."""

    def __init__(self, oversight: Oversight) -> None:
        self._oversight = oversight

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/access/explain", self.explain, Anyone.WITH_AN_ACCOUNT),
            Route("GET", "/access/matrix", self.matrix, Action.AUDIT),
            Route("GET", "/access/review", self.review, Action.AUDIT),
        ]

    async def explain(
        self, by: By, who: str, action: str, where: str, address: str = "", at: float | None = None
    ) -> ExplanationView:
        """Whether somebody may do something, by which grant, and what would change that.

        Everybody may ask about themselves; about others, whoever has audit or admin there. ``where`` is a repository,
        one with a tag (shop/web:1.4), or ``**`` for the registry as a whole.
        """
        question = asking.question(action, where, address, by.now if at is None else at)
        return ExplanationView.of(await self._oversight.explain(by, who, question))

    async def matrix(self, repo: str | None = None, who: str | None = None, last: str = "") -> MatrixView:
        """Who may do what where, groups expanded, with the grant behind each; narrowed to a pattern, or an account."""
        return MatrixView.of(await self._oversight.matrix(asking.where(repo), who, last))

    async def review(self, days: int = OLD) -> ReviewView:
        """What should be looked at, judged by what was done in so many days: each with the commands to put it right."""
        return ReviewView.of(await self._oversight.review(days), FINDINGS_AT_MOST)
