"""A small OCI client: one verb for each request of the specification, each returning the raw response.

client = Client(app=app, account=("anna", "secret"))         in this process
client = Client("http://127.0.0.1:5000")                     over the network
await client.push_image("team/app", image(layers=2), "1.0")  asserts every step
"""

import base64
from collections.abc import AsyncIterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Protocol, Self

import httpx2
from httpx2 import Response

from tests.kit.clock import Clock
from tests.kit.images import Image
from wharfinger.spec import digest as digests
from wharfinger.spec.digest import Digest

Body = bytes | AsyncIterator[bytes]
Params = Mapping[str, str | int | Sequence[str] | None]
Headers = Mapping[str, str]

OCTETS = "application/octet-stream"
ACCEPTED = (
    "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, "
    "application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json"
)


class Client:
    """Speaks to the application in this process or to a real URL, as one account, with a token, or as nobody.

    ``address`` is where the application in this process sees it come from.
    """

    def __init__(
        self,
        url: str = "http://registry.test",
        *,
        app: Any = None,
        account: tuple[str, str] | None = None,
        bearer: str | None = None,
        address: str = "127.0.0.1",
    ) -> None:
        transport = httpx2.ASGITransport(app, client=(address, 40000)) if app is not None else None
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        headers |= {"Authorization": _basic(*account)} if account else {}
        self._http = httpx2.AsyncClient(
            base_url=url, transport=transport, headers=headers, timeout=30, trust_env=False, follow_redirects=True
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.aclose()

    async def request(
        self,
        method: str,
        path: str,
        *,
        content: Body | None = None,
        params: Params | None = None,
        headers: Headers | None = None,
    ) -> Response:
        """Any request. ``params`` are added to those that ``path`` has; None among them are left out."""
        url = self._http.base_url.join(path)
        for name, value in (params or {}).items():
            for one in [value] if value is None or isinstance(value, str | int) else value:
                url = url if one is None else url.copy_add_param(name, str(one))
        return await self._http.request(method, url, content=content, headers=headers)

    # Blobs ------------------------------------------------------------------------------------------------------

    async def start_upload(
        self,
        repo: str,
        *,
        digest: str | None = None,
        content: Body = b"",
        algorithm: str | None = None,
        headers: Headers | None = None,
    ) -> Response:
        """A session; or the whole blob at once, if ``digest`` is given."""
        params = {"digest": digest, "digest-algorithm": algorithm}
        return await self.request("POST", _uploads(repo), content=content, params=params, headers=headers)

    async def mount(self, repo: str, digest: str, source: str | None = None) -> Response:
        return await self.request("POST", _uploads(repo), content=b"", params={"mount": digest, "from": source})

    async def patch(self, location: str, content: Body, *, range: str | None = None) -> Response:
        """Send a chunk; with its ``<first>-<last>`` as Content-Range, or streamed without."""
        return await self.request("PATCH", location, content=content, headers=_chunk(range))

    async def put_upload(
        self, location: str, digest: str | None, content: Body = b"", *, range: str | None = None
    ) -> Response:
        return await self.request("PUT", location, content=content, params={"digest": digest}, headers=_chunk(range))

    async def upload_status(self, location: str) -> Response:
        return await self.request("GET", location)

    async def cancel(self, location: str) -> Response:
        return await self.request("DELETE", location)

    async def push_blob(self, repo: str, content: bytes, *, algorithm: str = digests.CANONICAL) -> Response:
        """POST then PUT; the answer to the PUT."""
        started = await self.start_upload(repo, algorithm=None if algorithm == digests.CANONICAL else algorithm)
        return await self.put_upload(location_of(started), digests.of(content, algorithm), content)

    async def get_blob(self, repo: str, digest: str, *, headers: Headers | None = None) -> Response:
        return await self.request("GET", f"/v2/{repo}/blobs/{digest}", headers=headers)

    async def head_blob(self, repo: str, digest: str, *, headers: Headers | None = None) -> Response:
        return await self.request("HEAD", f"/v2/{repo}/blobs/{digest}", headers=headers)

    async def delete_blob(self, repo: str, digest: str) -> Response:
        return await self.request("DELETE", f"/v2/{repo}/blobs/{digest}")

    # Manifests --------------------------------------------------------------------------------------------------

    async def put_manifest(
        self,
        repo: str,
        reference: str,
        raw: bytes,
        media_type: str | None,
        *,
        tags: Sequence[str] = (),
        headers: Headers | None = None,
    ) -> Response:
        typed = {"Content-Type": media_type} if media_type is not None else {}
        return await self.request(
            "PUT", _manifest(repo, reference), content=raw, params={"tag": tags}, headers={**typed, **(headers or {})}
        )

    async def get_manifest(
        self, repo: str, reference: str, *, accept: str = ACCEPTED, headers: Headers | None = None
    ) -> Response:
        return await self.request("GET", _manifest(repo, reference), headers={"Accept": accept, **(headers or {})})

    async def head_manifest(
        self, repo: str, reference: str, *, accept: str = ACCEPTED, headers: Headers | None = None
    ) -> Response:
        return await self.request("HEAD", _manifest(repo, reference), headers={"Accept": accept, **(headers or {})})

    async def delete_manifest(self, repo: str, reference: str) -> Response:
        return await self.request("DELETE", _manifest(repo, reference))

    async def push(self, repo: str, image: Image, reference: str | None = None) -> Response:
        """Blobs, children, then the manifest by its digest or as ``reference``; the answer to the last."""
        for content in image.blobs.values():
            require(await self.push_blob(repo, content), 201)
        for child in image.children:
            require(await self.push(repo, child), 201)
        return await self.put_manifest(repo, reference or image.digest, image.raw, image.media_type)

    # Lists ------------------------------------------------------------------------------------------------------

    async def tags(self, repo: str, *, n: str | int | None = None, last: str | None = None) -> Response:
        return await self.request("GET", f"/v2/{repo}/tags/list", params={"n": n, "last": last})

    async def catalog(self, *, n: str | int | None = None, last: str | None = None) -> Response:
        return await self.request("GET", "/v2/_catalog", params={"n": n, "last": last})

    async def referrers(self, repo: str, digest: str, *, artifact_type: str | None = None) -> Response:
        return await self.request("GET", f"/v2/{repo}/referrers/{digest}", params={"artifactType": artifact_type})

    async def pages(self, first: Response) -> list[Response]:
        """``first`` and every page that its Link and the following ones lead to."""
        pages = [first]
        while (link := next_of(pages[-1])) is not None:
            pages.append(require(await self.request("GET", link), 200))
        return pages

    # Whole images -----------------------------------------------------------------------------------------------

    async def push_image(self, repo: str, image: Image, tag: str | None = None) -> Digest:
        """Push everything; assert that the registry agrees on the digest."""
        answer = require(await self.push(repo, image, tag), 201)
        assert answer.headers["Docker-Content-Digest"] == image.digest
        return image.digest

    async def pull_image(self, repo: str, reference: str) -> Image:
        """Pull everything; assert that each part has the digest that it goes by."""
        answer = require(await self.get_manifest(repo, reference), 200)
        digest = digests.parse(answer.headers["Docker-Content-Digest"])
        _require_digest(answer.content, digest)
        fields = answer.json()
        parts = [fields["config"], *fields.get("layers", [])] if "config" in fields else []
        blobs = {part["digest"]: await self._pull_blob(repo, part["digest"]) for part in parts}
        children = [await self.pull_image(repo, child["digest"]) for child in fields.get("manifests", [])]
        return Image(answer.content, digest, answer.headers["Content-Type"], blobs, tuple(children))

    async def _pull_blob(self, repo: str, digest: Digest) -> bytes:
        content = require(await self.get_blob(repo, digest), 200).content
        _require_digest(content, digest)
        return content


class Registry(Protocol):
    """What the fixture ``registry`` offers."""

    app: Any
    client: Client
    clock: Clock

    def as_(self, role: str) -> Client:
        """A client with the credentials of an account that has this role."""
        ...


def location_of(response: Response) -> str:
    """Where the upload goes on."""
    assert response.status_code in {202, 204}, response.text
    return response.headers["Location"]


def next_of(response: Response) -> str | None:
    """The target of ``Link: <…>; rel="next"``, if there is one."""
    link = response.headers.get("Link")
    if link is None:
        return None
    target, relation = link.split(";")
    assert relation.strip() == 'rel="next"'
    return target.strip().removeprefix("<").removesuffix(">")


def code_of(response: Response) -> str:
    """The OCI code of a refusal, whose body is asserted to have the form that the specification demands."""
    assert response.headers["Content-Type"].partition(";")[0] == "application/json", response.text
    errors = response.json()["errors"]
    assert errors
    assert all(set(error) <= {"code", "message", "detail"} for error in errors)
    code: str = errors[0]["code"]
    assert code.replace("_", "").isalpha()
    assert code.isupper()
    return code


def require(response: Response, status: int) -> Response:
    """``response``, which has this status; otherwise the test fails with its body."""
    assert response.status_code == status, f"{response.request.url}: {response.status_code} {response.text}"
    return response


def _require_digest(content: bytes, digest: Digest) -> None:
    assert digests.of(content, digests.algorithm(digest)) == digest


def _uploads(repo: str) -> str:
    return f"/v2/{repo}/blobs/uploads/"


def _manifest(repo: str, reference: str) -> str:
    return f"/v2/{repo}/manifests/{reference}"


def _chunk(range: str | None) -> dict[str, str]:
    return {"Content-Type": OCTETS} | ({"Content-Range": range} if range is not None else {})


def _basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()
