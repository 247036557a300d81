"""How functions become a graph, and what each mistake is called."""

import pytest

from ropeway.pipelines.decorators import Mark
from ropeway.pipelines.errors import (
    BadSignature,
    CyclicGraph,
    DuplicateStep,
    EvaluatedNotServed,
    NoServedStep,
    RowsNotServed,
    TargetOnServingPath,
    TwoServedSteps,
    UnknownStep,
)
from ropeway.pipelines.graph import build_graph

INPUTS = ("rows", "target", "tune_rows")


def marks(source: str, *, fits: tuple[str, ...] = (), served: tuple[str, ...] = ("answer",)) -> list[Mark]:
    names: dict = {}
    exec(source, names)
    functions = [value for name, value in names.items() if callable(value) and not name.startswith("_")]
    return [
        Mark(each, "fit" if each.__name__ in fits else "step", each.__name__ in served, False)
        for each in functions
    ]


def test_steps_come_after_what_they_need():
    graph = build_graph(
        marks(
            "def answer(model, clean): ...\ndef model(clean, target): ...\ndef clean(rows): ...",
            fits=("model",),
        ),
        INPUTS,
    )
    assert list(graph.steps) == ["clean", "model", "answer"]
    assert graph.serving == ("clean", "answer")
    assert graph.pinned == ("model",)


def test_an_unknown_parameter_names_the_closest_step():
    with pytest.raises(UnknownStep, match=r"asks for 'clena'.*Did you mean 'clean'"):
        build_graph(marks("def clean(rows): ...\ndef answer(clena): ..."), INPUTS)


def test_an_undeclared_target_says_where_to_declare_it():
    with pytest.raises(UnknownStep) as caught:
        build_graph(
            marks("def model(rows, target): ...\ndef answer(rows, model): ...", fits=("model",)), ("rows",)
        )
    assert "[inputs.rows] target" in caught.value.next_step


def test_a_cycle_is_printed():
    with pytest.raises(CyclicGraph, match=r"a → b → a|b → a → b"):
        build_graph(marks("def a(b): ...\ndef b(a): ...\ndef answer(rows, a): ..."), INPUTS)


def test_a_step_that_needs_itself_is_a_cycle():
    with pytest.raises(CyclicGraph, match="answer → answer"):
        build_graph(marks("def answer(rows, answer): ..."), INPUTS)


def test_nothing_served_is_refused():
    with pytest.raises(NoServedStep, match="No step is marked as served"):
        build_graph(marks("def clean(rows): ...", served=()), INPUTS)


def test_two_served_steps_are_refused():
    with pytest.raises(TwoServedSteps, match="'one', 'two'"):
        build_graph(marks("def one(rows): ...\ndef two(rows): ...", served=("one", "two")), INPUTS)


def test_evaluating_another_step_than_the_served_one_is_refused():
    with pytest.raises(EvaluatedNotServed, match="names 'clean'"):
        build_graph(marks("def clean(rows): ...\ndef answer(clean): ..."), INPUTS, evaluated="clean")


@pytest.mark.parametrize("reads", ["target", "tune_rows"])
def test_a_step_on_the_serving_path_may_not_read_what_a_request_lacks(reads):
    with pytest.raises(TargetOnServingPath, match=f"Step 'clean' reads '{reads}'.*clean → answer"):
        build_graph(marks(f"def clean(rows, {reads}): ...\ndef answer(clean): ..."), INPUTS)


def test_a_fit_may_read_the_target():
    graph = build_graph(
        marks("def model(rows, target, tune_rows): ...\ndef answer(rows, model): ...", fits=("model",)),
        INPUTS,
    )
    assert graph.pinned == ("model",)


def test_a_served_step_must_depend_on_the_request():
    with pytest.raises(RowsNotServed, match="does not depend on 'rows'"):
        build_graph(marks("def model(rows): ...\ndef answer(model): ...", fits=("model",)), INPUTS)


@pytest.mark.parametrize(
    ("parameters", "says"),
    [("rows, c=1", "has a default"), ("rows, *more", "cannot be wired"), ("**all", "cannot be")],
)
def test_a_parameter_that_cannot_be_wired_is_refused(parameters, says):
    with pytest.raises(BadSignature, match=says):
        build_graph(marks(f"def answer({parameters}): ..."), INPUTS)


def test_two_steps_of_one_name_are_refused_with_their_places():
    doubled = [*marks("def answer(rows): ..."), *marks("def answer(rows): ...")]
    with pytest.raises(DuplicateStep, match=r"called 'answer': <string>:1 and <string>:1"):
        build_graph(doubled, INPUTS)


def test_a_step_named_like_an_input_is_refused():
    with pytest.raises(DuplicateStep, match=r"\[inputs.rows\]"):
        build_graph(marks("def rows(target): ...\ndef answer(rows): ..."), INPUTS)
