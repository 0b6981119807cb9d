import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wharfinger.access import tokens
from wharfinger.access.tokens import Kind

TOKEN = tokens.generate(Kind.LOGIN)
ALPHABET = string.ascii_letters + string.digits + "_-"


@pytest.mark.parametrize("kind", Kind)
def test_a_token_is_recognised_by_its_kind_and_never_the_same_twice(kind: Kind) -> None:
    made = {tokens.generate(kind) for _ in range(100)}
    assert len(made) == 100
    assert all(tokens.kind_of(token) is kind for token in made)
    assert all(re.fullmatch(rf"wharf_{kind.value}[A-Za-z0-9_-]{{49}}", token) for token in made)


@given(st.integers(0, len(TOKEN) - 1), st.sampled_from(ALPHABET))
def test_a_token_with_a_wrong_character_is_none(position: int, character: str) -> None:
    changed = TOKEN[:position] + character + TOKEN[position + 1 :]
    assert (tokens.kind_of(changed) is not None) == (changed == TOKEN)


@given(st.text())
def test_other_text_is_none(text: str) -> None:
    assert tokens.kind_of(text) is None
    assert tokens.kind_of(TOKEN + text) is None or not text


def test_what_is_stored_of_a_token_does_not_contain_it() -> None:
    assert tokens.fingerprint(TOKEN) != tokens.fingerprint(tokens.generate(Kind.LOGIN))
    assert TOKEN.removeprefix(tokens.PREFIX)[:8] not in tokens.fingerprint(TOKEN)


def test_a_token_of_one_kind_is_none_of_another_by_its_letter_alone() -> None:
    for kind in Kind:
        for other in Kind:
            forged = tokens.PREFIX + other.value + tokens.generate(kind).removeprefix(tokens.PREFIX)[1:]
            assert tokens.kind_of(forged) in {None, kind}
