"""``docs/guides/commands.md``, made from the commands themselves."""

import re

from wharfinger.cli.main import build

_INTRODUCTION = """# Commands

`wharf login URL` first; the commands that look at a registry or change it then use that login. `wharf serve` and
`wharf config` need none, and `wharf users passwd --data DIR` works on the database itself, server or no server.

This page is made by `python -m wharfinger.cli.reference`.
"""

# cyclopts shows how Python was started when that was by `-m`.
_STARTED_BY = re.compile(r"^(wharf[ a-z]*) -m [\w.]+", re.MULTILINE)
_BLANK_LINES, _ONE_BLANK_LINE = re.compile(r"\n{3,}"), "\n\n"


def reference() -> str:
    """The page, whole."""
    made = build().generate_docs(output_format="markdown", heading_level=1)
    _, _, commands = made.partition("\n## ")
    body = "\n".join(line.rstrip() for line in f"## {commands}".splitlines())
    return f"{_INTRODUCTION}\n{_tidied(body)}\n"


def _tidied(page: str) -> str:
    return _BLANK_LINES.sub(_ONE_BLANK_LINE, _STARTED_BY.sub(r"\1", page)).strip()


if __name__ == "__main__":
    print(reference(), end="")
