"""Configuration: default, then [params], then --set, each in the parameter's type."""

import pytest

from ropeway.pipelines.decorators import Mark
from ropeway.pipelines.errors import BadOverride, BadParameter, ParameterMissing, UnknownParameter
from ropeway.pipelines.graph import build_graph
from ropeway.pipelines.parameters import flat, parse_overrides, resolve_parameters


def graph_of(signature: str):
    names: dict = {}
    exec(f"from typing import Literal\ndef answer(rows, *, {signature}): ...", names)
    return build_graph([Mark(names["answer"], "step", True, False)], ("rows",))


def value_of(signature: str, configured: dict | None = None, **overrides):
    return resolve_parameters(graph_of(signature), configured or {}, overrides)["answer"]["c"]


def test_the_default_counts_when_nothing_else_is_said():
    assert value_of("c: float = 5.0") == 5.0


def test_the_project_file_goes_before_the_default():
    assert value_of("c: float = 5.0", {"c": 2}) == 2.0


def test_the_command_line_goes_before_the_project_file():
    assert value_of("c: float = 5.0", {"c": 2.0}, c="0.5") == 0.5


def test_a_name_with_its_step_goes_before_a_bare_one():
    assert value_of("c: float = 5.0", {"c": 2.0, "answer.c": 3.0}) == 3.0


@pytest.mark.parametrize(
    ("signature", "text", "value"),
    [
        ("c: int = 1", "7", 7),
        ("c: bool = False", "true", True),
        ("c: str = 'a'", "5", "5"),
        ("c=1.5", "2", 2.0),
        ("c: 'float' = 1.0", "2", 2.0),
        ("c: int | None = 3", "null", None),
        ("c: Literal['l1', 'l2'] = 'l1'", "l2", "l2"),
    ],
)
def test_texts_are_read_as_the_parameters_type(signature, text, value):
    found = value_of(signature, c=text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("signature", "text"), [("c: int = 1", "1.5"), ("c: float = 1.0", "x"), ("c: Literal['l1'] = 'l1'", "l3")]
)
def test_a_mistyped_value_is_refused_with_the_type_wanted(signature, text):
    with pytest.raises(BadParameter, match=f"cannot be '{text}'") as caught:
        value_of(signature, c=text)
    assert "type" in caught.value.expected


def test_a_mistyped_value_in_the_project_file_is_refused():
    with pytest.raises(BadParameter, match=r"from ropeway.toml"):
        value_of("c: float = 1.0", {"c": "much"})


def test_an_unknown_parameter_names_the_closest():
    with pytest.raises(UnknownParameter, match=r"'cost'.*Did you mean 'cos'"):
        resolve_parameters(graph_of("cos: float = 1.0"), {}, {"cost": "1"})


def test_a_parameter_without_default_and_value_is_asked_for():
    with pytest.raises(ParameterMissing, match="needs 'c'"):
        value_of("c: float")


def test_overrides_are_name_and_value():
    assert parse_overrides(["c=0.5", "answer.name=a=b"]) == {"c": "0.5", "answer.name": "a=b"}


@pytest.mark.parametrize("text", ["c", "=1", ""])
def test_an_override_without_name_or_value_is_refused(text):
    with pytest.raises(BadOverride, match="is not a setting"):
        parse_overrides([text])


def test_a_value_on_which_steps_agree_is_recorded_once():
    assert flat({"a": {"c": 1, "d": 1}, "b": {"c": 1, "d": 2}}) == {"c": 1, "a.d": 1, "b.d": 2}
