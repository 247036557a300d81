import msgspec
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from ropeway.core.canonical import NotCanonical, canonical

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


@given(VALUES)
def test_any_value_has_the_bytes_of_rfc_8785(value: object) -> None:
    assert canonical(value) == rfc8785.dumps(value)


@pytest.mark.parametrize(
    "value",
    [
        "say: 1.5, [2e3",
        '\x00\x1f\x7f\u2028\\"/',
        {"\U00010000": 1, "\uffff": 2},
        -0.0,
        1e300,
        2**53 - 1,
        [5e-324],
    ],
)
def test_what_the_quick_way_could_get_wrong_it_does_not(value: object) -> None:
    assert canonical(value) == rfc8785.dumps(value)


def test_keys_are_sorted_and_numbers_take_their_shortest_form() -> None:
    assert canonical({"b": 1.0, "a": 1e21, "é": "ü"}) == '{"a":1e+21,"b":1,"é":"ü"}'.encode()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**60])
def test_what_json_cannot_say_exactly_is_refused(value: float) -> None:
    with pytest.raises(NotCanonical, match="no canonical JSON form"):
        canonical({"x": value})


def test_a_struct_and_its_map_give_the_same_bytes() -> None:
    class Point(msgspec.Struct):
        y: int
        x: int

    assert canonical(Point(y=2, x=1)) == canonical({"x": 1, "y": 2})
