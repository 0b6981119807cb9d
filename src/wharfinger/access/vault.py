"""Secrets that we must show to others, kept in the database so that who can only read it cannot use them.

    sealed = vault.seal("wharf-of-trivy:secret", about="trivy at https://trivy.example.org")
    vault.open(sealed, about=…)        the secret again; refused where it is about something else

AES-256-GCM by a key in a file outside of the database. ``about`` is bound to what is sealed: who can write the
database, but has not the key, cannot have a credential sent to somebody else.
"""

import base64
import binascii
import hashlib
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from wharfinger.access import key_files
from wharfinger.errors import RequestInvalid

PREFIX = "sealed:1:"
KEY_BYTES, NONCE_BYTES = 32, 12


def is_sealed(text: str) -> bool:
    """Whether it is what :meth:`Vault.seal` made, by whatever key."""
    return text.startswith(PREFIX)


class Vault:
    """Seals and opens with the key in ``file``, which is made when something is sealed for the first time."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def seal(self, secret: str, *, about: str) -> str:
        """The secret as it is kept; what is empty stays so. Raises RequestInvalid for a file that is no key."""
        if not secret:
            return ""
        key_files.make(self._file, base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")
        key, nonce = self._key(), secrets.token_bytes(NONCE_BYTES)
        hidden = AESGCM(key).encrypt(nonce, secret.encode(), about.encode())
        return f"{PREFIX}{_id(key)}:{base64.b64encode(nonce + hidden).decode()}"

    def open(self, sealed: str, *, about: str) -> str:
        """The secret. Raises RequestInvalid where it was sealed by another key, about something else, or changed."""
        if not sealed:
            return ""
        id, _, body = sealed.removeprefix(PREFIX).partition(":")
        key = self._key()
        if not is_sealed(sealed) or id != _id(key):
            raise RequestInvalid(
                f"its credential was sealed by another key than that in {self._file}: put the key there that sealed it "
                "(sealing_key), the same on every node, or register it again"
            )
        try:
            raw = base64.b64decode(body, validate=True)
            return AESGCM(key).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], about.encode()).decode()
        except (InvalidTag, ValueError, binascii.Error) as error:
            raise RequestInvalid("its credential is not what was sealed for it: register it again") from error

    def require_ours(self, sealed: str) -> None:
        """Raise RequestInvalid where something was sealed by another key: two keys in one database is one too many."""
        if is_sealed(sealed) and not (self._file.exists() and sealed.startswith(f"{PREFIX}{_id(self._key())}:")):
            raise RequestInvalid(
                f"other credentials were sealed by another key than that in {self._file}: put that key there first"
            )

    def _key(self) -> bytes:
        try:
            key = base64.b64decode(self._file.read_bytes().strip(), validate=True)
        except OSError as error:
            raise RequestInvalid(f"the key that seals credentials, {self._file}, cannot be read") from error
        except ValueError as error:
            raise RequestInvalid(_not_a_key(self._file)) from error
        if len(key) != KEY_BYTES:
            raise RequestInvalid(_not_a_key(self._file))
        return key


def _not_a_key(file: Path) -> str:
    return f"{file} is not a key that seals credentials: want {KEY_BYTES} bytes in base64"


def _id(key: bytes) -> str:
    return hashlib.sha256(b"wharfinger sealing key\0" + key).hexdigest()[:16]
