import string

from hypothesis import given
from hypothesis import strategies as st

from wharfinger.access import tokens

TOKEN = tokens.generate()
ALPHABET = string.ascii_letters + string.digits + "_-"


def test_a_token_is_recognised_and_never_the_same_twice() -> None:
    made = {tokens.generate() for _ in range(100)}
    assert len(made) == 100
    assert all(tokens.is_token(token) and token.startswith("wharf_") and len(token) == 55 for token in made)


@given(st.integers(0, len(TOKEN) - 1), st.sampled_from(ALPHABET))
def test_a_token_with_a_wrong_character_is_none(position: int, character: str) -> None:
    changed = TOKEN[:position] + character + TOKEN[position + 1 :]
    assert tokens.is_token(changed) == (changed == TOKEN)


@given(st.text())
def test_other_text_is_none(text: str) -> None:
    assert not tokens.is_token(text)
    assert not tokens.is_token(TOKEN + text) or not text


def test_what_is_stored_of_a_token_does_not_contain_it() -> None:
    assert tokens.fingerprint(TOKEN) != tokens.fingerprint(tokens.generate())
    assert TOKEN.removeprefix(tokens.PREFIX)[:8] not in tokens.fingerprint(TOKEN)
