import itertools

from hypothesis import given
from hypothesis import strategies as st

from ropeway.stats.intervals import costs
from ropeway.stats.sequential.scale import largest_difference

CLASSES = ["a", "b", "c"]
MATRICES = st.dictionaries(
    st.sampled_from(CLASSES), st.dictionaries(st.sampled_from(CLASSES), st.floats(0, 50)), max_size=3
)


@given(MATRICES)
def test_no_two_answers_to_one_truth_are_farther_apart(matrix):
    pairs = list(itertools.product(CLASSES, CLASSES))
    paid = costs([truth for truth, _ in pairs], [answer for _, answer in pairs], matrix)
    assert paid.max() - paid.min() <= largest_difference(matrix, CLASSES)


def test_a_small_matrix_that_names_every_mistake_is_small():
    assert largest_difference({"a": {"b": 0.1}, "b": {"a": 0.2}}, ["a", "b"]) == 0.2


def test_a_mistake_that_is_not_named_costs_one():
    assert largest_difference({"a": {"b": 0.1}}, ["a", "b"]) == 1.0


def test_without_any_cost_there_is_still_a_scale():
    assert largest_difference({}, ["a"]) == 1.0
