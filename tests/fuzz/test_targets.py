"""The targets of ``make fuzz`` hold for their own examples, and a target does tell what must not happen."""

import pytest

from tests.fuzz.targets import TARGETS, Target
from wharfinger.scanning.limits import Unreadable


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_has_examples_and_holds_for_them(name: str) -> None:
    examples = TARGETS[name].examples()
    assert examples
    for example in examples:
        TARGETS[name](example)
        TARGETS[name](example[: len(example) // 2])


def test_what_is_no_refusal_comes_out() -> None:
    def breaks(_: bytes) -> None:
        raise IndexError

    with pytest.raises(IndexError):
        Target(list, breaks, (Unreadable,))(b"")
