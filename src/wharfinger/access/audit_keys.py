"""The key that signs the audit trail: a file outside of the database, so that who can write there cannot sign."""

import base64
from dataclasses import replace
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from wharfinger.access import chain, key_files
from wharfinger.errors import Refusal
from wharfinger.meta.chain import Checkpoint


class AuditKey:
    """An Ed25519 key pair."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        raw = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.public = base64.b64encode(raw).decode("ascii")

    def sign(self, number: int, kind: str, hash: str, now: float) -> Checkpoint:
        """A signed checkpoint."""
        bare = Checkpoint(number, kind, hash, now, self.public, "")
        signature = self._private.sign(chain.signed_bytes(bare))
        return replace(bare, signature=base64.b64encode(signature).decode("ascii"))


def is_signed(checkpoint: Checkpoint) -> bool:
    """Whether the signature is that of the key that the checkpoint names."""
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(checkpoint.key, validate=True))
        key.verify(base64.b64decode(checkpoint.signature, validate=True), chain.signed_bytes(checkpoint))
    except (ValueError, InvalidSignature):
        return False
    return True


def load(file: Path) -> AuditKey:
    """The key in the file. Raises Refusal where there is none, or something else."""
    try:
        private = load_pem_private_key(file.read_bytes(), None)
    except FileNotFoundError as error:
        raise Refusal(f"there is no key of the audit trail at {file}") from error
    except (OSError, ValueError, TypeError) as error:
        raise Refusal(f"the key of the audit trail at {file} cannot be read: {error}") from error
    if not isinstance(private, Ed25519PrivateKey):
        raise Refusal(f"the key of the audit trail at {file} is not an Ed25519 key")
    return AuditKey(private)


def make(file: Path) -> bool:
    """See to it that there is a key; whether it had to be made. Of several processes at once one makes it."""
    if file.exists():
        return False
    return key_files.make(
        file, Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
