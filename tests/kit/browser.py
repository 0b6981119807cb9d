"""A browser without a screen: cookies, links, forms, and the headers that browsers send with them.

browser = Browser(site)
await browser.open("/login")
await browser.send(username="anna", password="…")      fills in the one form that has these fields
assert browser.page.heading == "My tokens"
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode, urljoin, urlsplit

import httpx2
from httpx2 import Response

HOME = "https://registry.test"
AGENT = "Mozilla/5.0 (tests)"


@dataclass
class Form:
    """A form on a page, with what is filled in already; its buttons with names, too."""

    action: str
    method: str
    fields: dict[str, list[str]] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)
    inputs: list[str] = field(default_factory=list)


class Page(HTMLParser):
    """What there is on a page, and what is wrong with it for people who do not see it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = ""
        self.language = ""
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.heading = ""
        self.headings: list[str] = []
        self.loads: list[str] = []
        self.tags: list[str] = []
        self.unlabelled: list[str] = []
        self.styled: list[str] = []
        self._labels: set[str] = set()
        self._needs: list[str] = []
        self._inside: list[str] = []
        self.feed(text)
        self.unlabelled = [each for each in self._needs if each not in self._labels]

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        self.tags.append(tag)
        self._inside.append(tag)
        self.styled += [f"{tag} {name}" for name in given if name == "style" or name.startswith("on")]
        match tag:
            case "html":
                self.language = given.get("lang", "")
            case "a":
                self.links.append(given["href"])
            case "label":
                self._labels.add(given.get("for", ""))
            case "form":
                self.forms.append(Form(given.get("action", ""), given.get("method", "get").upper()))
            case "input" | "select":
                self._field(given)
            case "option" if "selected" in given:
                self.forms[-1].fields[self.forms[-1].inputs[-1]] = [given["value"]]
            case "button" if "name" in given:
                self.forms[-1].buttons.append((given["name"], given["value"]))
        self.loads += [given[name] for name in ("src", "href") if name in given and tag != "a"]

    def _field(self, given: Mapping[str, str]) -> None:
        form, name = self.forms[-1], given["name"]
        form.inputs.append(name)
        if given.get("type") == "checkbox":
            if "checked" in given:
                form.fields.setdefault(name, []).append(given["value"])
            return
        form.fields[name] = [given.get("value", "")]
        if given.get("type") != "hidden":
            self._needs.append(given.get("id", f"({name})"))

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._inside and self._inside[-1] in {"h1", "h2"}:
            self.headings.append(f"{self._inside[-1]} {data.strip()}")
            if self._inside[-1] == "h1":
                self.heading += data.strip()

    def handle_endtag(self, tag: str) -> None:
        while self._inside and self._inside.pop() != tag:
            pass


class Browser:
    """Somebody's browser; ``app`` answers for :data:`HOME`, everything else is really asked over the network."""

    def __init__(self, app: Any, home: str = HOME) -> None:
        self.home = home
        transport = httpx2.ASGITransport(app, client=("203.0.113.7", 1)) if app is not None else None
        mounts = {home: transport} if transport is not None else {}
        self.http = httpx2.AsyncClient(mounts=mounts, trust_env=False, timeout=30, headers={"user-agent": AGENT})
        self.answer = Response(200)
        self.url = home
        self.visited: list[Response] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.http.aclose()

    @property
    def page(self) -> Page:
        """The page that is shown."""
        return Page(self.answer.text)

    @property
    def path(self) -> str:
        """Its address without the host, with the query."""
        parts = urlsplit(self.url)
        return parts.path + (f"?{parts.query}" if parts.query else "")

    def cookie(self, name: str) -> str | None:
        """The value of a cookie of the registry."""
        return next((each.value for each in self.http.cookies.jar if each.name == name), None)

    def plant(self, name: str, value: str) -> None:
        """Set a cookie, as somebody else may have managed to."""
        self.http.cookies.set(name, value, domain=urlsplit(self.home).hostname or "", path="/")

    async def open(self, url: str, *, follow: bool = True) -> Response:
        """Go there as if it had been typed, and on wherever it leads."""
        return await self._go("GET", urljoin(self.home, url), None, "none", follow=follow)

    async def click(self, link: str, *, follow: bool = True) -> Response:
        """Follow a link that is on the page."""
        assert link in self.page.links, self.page.links
        return await self._go("GET", urljoin(self.url, link), None, "same-origin", follow=follow)

    async def send(
        self, button: tuple[str, str] | None = None, /, *, to: str | None = None, follow: bool = True, **fields: Any
    ) -> Response:
        """Fill in the one form that has these fields, or this button, or goes there, and send it."""
        (form,) = (
            each
            for each in self.page.forms
            if set(fields) <= set(each.inputs) and to in {None, each.action} and button in {None, *each.buttons}
        )
        filled = {**form.fields, **fields, **({button[0]: button[1]} if button else {})}
        return await self.post(urljoin(self.url, form.action), filled, follow=follow)

    async def post(
        self, url: str, fields: Mapping[str, Any], headers: Mapping[str, str] | None = None, *, follow: bool = True
    ) -> Response:
        """Send a form from the page that is shown; with other ``headers``, from somewhere else."""
        target, here = urljoin(self.home, url), urlsplit(self.url)
        sent = {"origin": f"{here.scheme}://{here.netloc}", "sec-fetch-site": "same-origin", **(headers or {})}
        return await self._go(
            "POST", target, urlencode(fields, doseq=True), sent["sec-fetch-site"], sent, follow=follow
        )

    async def _go(
        self,
        method: str,
        url: str,
        body: str | None,
        site: str,
        headers: Mapping[str, str] | None = None,
        *,
        follow: bool,
    ) -> Response:
        sent = {"sec-fetch-site": site, **(headers or {})}
        if body is not None:
            sent["content-type"] = "application/x-www-form-urlencoded"
        self.answer = await self.http.request(method, url, content=body, headers=sent)
        self.url = str(self.answer.request.url)
        self.visited.append(self.answer)
        if follow and self.answer.is_redirect:
            await self._go("GET", urljoin(self.url, self.answer.headers["location"]), None, site, follow=True)
        return self.answer
