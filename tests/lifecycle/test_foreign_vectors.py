"""The evaluators of the foreign semantics answer what the vendors' documents say."""

import pytest

from tests.lifecycle.vectors import VECTORS, Vector, went


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
def test_a_foreign_evaluator_answers_as_the_vendor_documents(vector: Vector) -> None:
    assert went(vector.foreign()) == vector.goes
