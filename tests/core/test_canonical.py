import msgspec
import pytest

from ropeway.core.canonical import NotCanonical, canonical


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
