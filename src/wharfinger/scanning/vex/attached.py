"""VEX documents as they are pushed beside an image: bare, in an in-toto statement, and in what carries that. Pure.

| what pushes it                                  | the layer                                                    |
|-------------------------------------------------|--------------------------------------------------------------|
| ``oras attach --artifact-type …openvex+json``   | the document, of whatever type                               |
| ``cosign attest --type openvex`` (from 3.0 on)  | a Sigstore bundle with a DSSE envelope                       |
| ``cosign attest``, OCI 1.1 referrers (2.x)      | a DSSE envelope                                              |
| ``cosign attest``, as a tag (2.x)               | DSSE envelopes of all kinds, in an image that has no subject |
| ``docker scout attestation add``                | a DSSE envelope or the bare statement, as ``in-toto+json``   |

The same types carry provenance and bills of materials; what is no VEX is not one that is wrong. No signature is
verified.
"""

import base64
import binascii
import json
import re
from collections.abc import Sequence
from typing import Any

from wharfinger.errors import RequestInvalid
from wharfinger.scanning.vex import cyclonedx, openvex, reading
from wharfinger.scanning.vex.statements import Statement
from wharfinger.spec.descriptor import Descriptor
from wharfinger.spec.digest import Digest
from wharfinger.spec.manifest import Manifest
from wharfinger.spec.names import Tag

LAYERS_AT_MOST = 20
BYTES_AT_MOST = 4 * 1024 * 1024
STATEMENTS_AT_MOST = 2_000

_DOCUMENTS = ("application/vnd.openvex", "application/openvex", "application/vnd.csaf", "application/csaf", "text/vex")
_CARRIERS = (
    "application/vnd.cyclonedx+json",
    "application/vnd.dsse.envelope.v1+json",
    "application/vnd.in-toto+json",
    "application/vnd.dev.sigstore.bundle",
)
_PREDICATES = (openvex.CONTEXT, "https://cyclonedx.org/", "https://docs.oasis-open.org/csaf", "text/vex")
_ATTESTATIONS = re.compile(r"sha256-([0-9a-f]{64})\.att")
_SAYS_WHICH = ("in-toto.io/predicate-type", "predicateType", "dev.sigstore.bundle.predicateType")


def subject_of(tag: Tag) -> Digest | None:
    """The digest that the attestations under this tag are about; None of any other tag."""
    found = _ATTESTATIONS.fullmatch(tag)
    return Digest(f"sha256:{found[1]}") if found else None


def parts(manifest: Manifest) -> Sequence[Descriptor]:
    """The layers that may be VEX documents; none where it says that it is something else."""
    layers = manifest.blobs[1:]
    if _says_otherwise(manifest.annotations):
        return ()
    if (manifest.artifact_type or "").startswith(_DOCUMENTS):
        return layers[:LAYERS_AT_MOST]
    found = [each for each in layers if each.media_type.startswith(_DOCUMENTS + _CARRIERS)]
    return [each for each in found if not _says_otherwise(each.annotations)][:LAYERS_AT_MOST]


def claims(manifest: Manifest) -> bool:
    """Whether it says by its type that it is a VEX document."""
    types = [manifest.artifact_type or "", *(each.media_type for each in parts(manifest))]
    return any(each.startswith(_DOCUMENTS) for each in types)


def _says_otherwise(annotations: dict[str, str]) -> bool:
    said = [annotations[key] for key in _SAYS_WHICH if key in annotations]
    return bool(said) and not any(each.startswith(_PREDICATES) for each in said)


def read(raw: bytes, subject: Digest, name: str) -> tuple[Sequence[Statement], str] | None:
    """The statements of a layer and their author; None where it is something else. Raises RequestInvalid.

    A statement of in-toto counts where ``subject``, what its manifest is about, is among what it is about itself.
    """
    document = _unwrapped(_json(raw), subject)
    if not isinstance(document, dict) or not _is_vex(document):
        return None
    text = json.dumps(document).encode()
    statements = reading.parse(text, name)
    if len(statements) > STATEMENTS_AT_MOST:
        raise RequestInvalid(f"{name}: more than {STATEMENTS_AT_MOST} statements")
    return statements, reading.author(text)


def _is_vex(document: dict[str, Any]) -> bool:
    if document.get("bomFormat") == "CycloneDX":
        return bool(document.get("vulnerabilities")) and any(True for _ in cyclonedx.parse(document, ""))
    context = document.get("@context")
    return "document" in document or (isinstance(context, str) and context.startswith(openvex.CONTEXT))


def _unwrapped(found: Any, subject: Digest) -> Any:
    """The document out of a bundle, an envelope and a statement; None where its predicate is another."""
    if isinstance(found, dict) and isinstance(found.get("dsseEnvelope"), dict):
        found = found["dsseEnvelope"]
    if isinstance(found, dict) and isinstance(found.get("payload"), str) and "payloadType" in found:
        found = _payload(found["payload"])
    if not isinstance(found, dict) or "predicateType" not in found:
        return found
    if not str(found["predicateType"]).startswith(_PREDICATES):
        return None
    if subject not in _subjects(found.get("subject")):
        raise RequestInvalid("the in-toto statement is about something else than what it was pushed beside")
    return found.get("predicate")


def _subjects(value: object) -> set[str]:
    found = set()
    for each in value if isinstance(value, list) else ():
        digests = each.get("digest") if isinstance(each, dict) else None
        found |= {f"{algorithm}:{hexadecimal}" for algorithm, hexadecimal in (digests or {}).items()}
    return found


def _payload(text: str) -> Any:
    try:
        return _json(base64.b64decode(text, validate=True))
    except binascii.Error as error:
        raise RequestInvalid("the payload of the envelope is not base64") from error


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise RequestInvalid("it is not JSON") from error
