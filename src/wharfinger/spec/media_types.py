"""The media types that a registry must tell apart."""

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_SCHEMA1 = frozenset(
    {
        "application/vnd.docker.distribution.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
    }
)

MANIFESTS = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
INDEXES = frozenset({OCI_INDEX, DOCKER_LIST})

_FOREIGN_PREFIXES = (
    "application/vnd.oci.image.layer.nondistributable.",
    "application/vnd.docker.image.rootfs.foreign.",
)


def bare(content_type: str) -> str:
    """A Content-Type without its parameters, in lower case: those SHOULD be ignored (spec.md, "Pushing Manifests")."""
    return content_type.partition(";")[0].strip().lower()


def is_foreign(media_type: str) -> bool:
    """Whether a layer of this type may live elsewhere: foreign (Docker) or non-distributable (OCI)."""
    return media_type.startswith(_FOREIGN_PREFIXES)
