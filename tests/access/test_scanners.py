"""What the guide tells those who look for leaked secrets finds every one of ours, and tells it from what is none."""

import re
from pathlib import Path

import pytest

from wharfinger.access import tokens
from wharfinger.access.tokens import Kind

GUIDE = (Path(__file__).parents[2] / "docs/guides/service-accounts.md").read_text()


@pytest.fixture(scope="module")
def expression() -> re.Pattern[str]:
    found = re.search(r"^regex = '''(.+)'''$", GUIDE, re.MULTILINE)
    assert found
    return re.compile(found[1])


@pytest.mark.parametrize("kind", Kind)
def test_the_expression_of_the_guide_finds_every_kind(expression: re.Pattern[str], kind: Kind) -> None:
    for _ in range(100):
        secret = tokens.generate(kind)
        for text in (secret, f'"{secret}"', f"password={secret}&x", f"  - {secret}\n", f"export S={secret};"):
            assert expression.findall(text) == [secret]


def test_the_expression_does_not_find_what_only_talks_of_them(expression: re.Pattern[str]) -> None:
    assert not expression.search(GUIDE.replace(expression.pattern, ""))


def test_the_checksum_is_as_the_guide_has_it() -> None:
    code = re.search(r"```python\n(.+?)```", GUIDE, re.DOTALL)
    assert code
    names: dict[str, object] = {}
    exec(code[1], names)
    is_real = names["is_real"]
    assert callable(is_real)
    for kind in Kind:
        secret = tokens.generate(kind)
        assert is_real(secret)
        wrong = secret[:30] + ("A" if secret[30] != "A" else "B") + secret[31:]
        assert not is_real(wrong)
