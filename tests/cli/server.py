"""A registry in a process of its own, and the command as its user runs it."""

import asyncio
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.kit.client import Client, require
from tests.kit.images import Image
from wharfinger.cli.main import run


@dataclass(frozen=True)
class Server:
    """A running registry whose administrator is ``admin``."""

    url: str
    password: str
    data: Path

    def push(self, repository: str, image: Image, *tags: str) -> None:
        async def push() -> None:
            async with Client(self.url, account=("admin", self.password)) as client:
                await client.push_image(repository, image)
                for tag in tags:
                    require(await client.put_manifest(repository, tag, image.raw, image.media_type), 201)

        asyncio.run(push())

    def pull(self, repository: str, reference: str) -> None:
        async def pull() -> None:
            async with Client(self.url, account=("admin", self.password)) as client:
                await client.pull_image(repository, reference)

        asyncio.run(pull())

    def accepts(self, name: str, password: str) -> bool:
        """Whether somebody may pull with this name and password."""

        async def ask() -> bool:
            async with Client(self.url, account=(name, password)) as client:
                return (await client.catalog()).status_code == 200

        return asyncio.run(ask())


@dataclass(frozen=True)
class Result:
    """What a command did."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def rows(self) -> list[list[str]]:
        return [line.split("\t") for line in self.out.splitlines()]


@dataclass(frozen=True)
class Wharf:
    """The command ``wharf``, run in this process by a user with a home of their own."""

    home: Path
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def __call__(self, *words: str, stdin: str | bytes = "") -> Result:
        raw = stdin.encode() if isinstance(stdin, str) else stdin
        self.monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(raw), encoding="utf-8"))
        status = run(list(words))
        said = self.capsys.readouterr()
        return Result(status, said.out, said.err)

    def done(self, *words: str, stdin: str = "") -> Result:
        """What it did; it must have done it without a complaint."""
        result = self(*words, stdin=stdin)
        assert (result.status, result.err) == (0, "")
        return result

    def refused(self, *words: str, stdin: str | bytes = "", status: int = 1) -> str:
        """The one line with which it was refused; ``status`` is 2 for a question that has no answer."""
        result = self(*words, stdin=stdin)
        assert result.status == status, result
        assert result.err.startswith("wharf: ")
        assert result.err.count("\n") == 1, result.err
        return result.err.removeprefix("wharf: ").strip()

    @property
    def login_file(self) -> Path:
        return self.home / "wharfinger" / "login.json"
