"""The table of the data plane: method, path, handler, and the action that the account needs (spec.md, "Endpoints")."""

from wharfinger.access.actions import Action
from wharfinger.oci.blobs import BlobHandlers
from wharfinger.oci.lists import ListHandlers
from wharfinger.oci.manifests import ManifestHandlers
from wharfinger.oci.tokens import TokenHandlers
from wharfinger.oci.uploads import UploadHandlers
from wharfinger.web.routes import Open, Route


def routes(
    manifests: ManifestHandlers,
    blobs: BlobHandlers,
    uploads: UploadHandlers,
    lists: ListHandlers,
    tokens: TokenHandlers,
) -> list[Route]:
    """Every route of /v2 and of the token protocol, the busiest first."""
    return [
        Route("GET", "/v2/{name}/manifests/{reference}", manifests.get, Action.PULL),
        Route("HEAD", "/v2/{name}/manifests/{reference}", manifests.head, Action.PULL),
        Route("GET", "/v2/{name}/blobs/{digest}", blobs.get, Action.PULL),
        Route("HEAD", "/v2/{name}/blobs/{digest}", blobs.head, Action.PULL),
        Route("GET", "/v2/?", lists.ping, Open.TO_CALLERS),
        Route("POST", "/v2/{name}/blobs/uploads/?", uploads.start, Action.PUSH),
        Route("PATCH", "/v2/{name}/blobs/uploads/{rest}", uploads.append, Action.PUSH),
        Route("PUT", "/v2/{name}/blobs/uploads/{rest}", uploads.finish, Action.PUSH),
        Route("GET", "/v2/{name}/blobs/uploads/{rest}", uploads.status, Action.PUSH),
        Route("DELETE", "/v2/{name}/blobs/uploads/{rest}", uploads.cancel, Action.PUSH),
        Route("PUT", "/v2/{name}/manifests/{reference}", manifests.put, Action.PUSH),
        Route("DELETE", "/v2/{name}/manifests/{digest}", manifests.delete, Action.DELETE),
        Route("DELETE", "/v2/{name}/manifests/{reference}", manifests.delete_tag, Action.TAG),
        Route("DELETE", "/v2/{name}/blobs/{digest}", blobs.delete, Action.DELETE),
        Route("GET", "/v2/{name}/tags/list", lists.tags, Action.PULL),
        Route("GET", "/v2/{name}/referrers/{rest}", lists.referrers, Action.PULL),
        Route("GET", "/v2/_catalog", lists.catalog, Open.CATALOG),
        Route("GET", "/token", tokens.get, Open.TO_ALL),
        Route("POST", "/token", tokens.post, Open.TO_ALL),
        Route("GET", "/.well-known/jwks.json", tokens.keys, Open.TO_ALL),
    ]
