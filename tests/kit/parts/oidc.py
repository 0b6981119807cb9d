"""An OpenID Connect provider that others have written: oidc-provider-mock, which lets anybody in."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.kit.parts.process import answers, free_port, program


@contextmanager
def oidc_provider(folder: Path, people: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """One that knows these people by their claims, and the URL that it calls itself."""
    port = free_port()
    known = [word for person in people for word in ("--user-claims", json.dumps(person))]
    with program(
        [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), "--require-nonce", "true", *known],
        folder / "oidc.log",
        ready=lambda: answers(port, "/.well-known/openid-configuration"),
        env={"PYTHONWARNINGS": "ignore"},
    ):
        yield f"http://127.0.0.1:{port}"
