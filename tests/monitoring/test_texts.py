"""A model of texts: new words are drift, with the tokens that tell; sure answers are expected to be right."""

import random
from pathlib import Path

import pytest
from models_projects import WORDS_TOML, notes
from models_steps import proposed
from production import START, Production

from ropeway.models.operations import approve_model, gate_model, promote_model
from ropeway.monitoring.operations import get_window, list_windows
from ropeway.testing import FixedClock, make_workspace
from ropeway.workspace import LocalWorkspace

REVIEWS = ["battery", "lens", "charger", "picture", "sturdy", "refund", "cheap", "screen"]


@pytest.fixture(scope="module")
def mood(tmp_path_factory: pytest.TempPathFactory) -> Production:
    clock = FixedClock(START)
    toml = WORDS_TOML.replace("[project]", '[project]\napproval = "self"') + "[monitor]\nmin_rows = 50\n"

    def project(_toml: str, **files: str) -> LocalWorkspace:
        folder = Path(tmp_path_factory.mktemp("mood")) / "mood"
        return make_workspace(folder, toml=toml, files=files, clock=clock)

    workspace = notes(project, rows=900)
    ref = proposed(workspace)
    assert gate_model(workspace, ref=ref).passed
    approve_model(workspace, ref=ref)
    promote_model(workspace, ref=ref)
    return Production(workspace, clock, ref)


def say(production: Production, day: int, words: list[str], *, sure: float, seed: int) -> None:
    draw = random.Random(seed)
    texts = [" ".join(draw.choices(words, k=7)) for _ in range(200)]
    production.answer(
        day,
        texts,
        inputs=lambda _number, text: {"text": text},
        prediction="good",
        probabilities={"bad": 1 - sure, "good": sure},
    )


def test_words_that_training_never_saw_are_drift_and_tell_themselves(mood: Production) -> None:
    places = ["day", "sea", "road", "note", "tree"]
    known = ["fine", "glad", "warm", "kind", "sad", "grey", "cold", "mean", *places, *places]
    say(mood, 0, known, sure=0.8, seed=1)
    say(mood, 1, [*known[:4], *REVIEWS], sure=0.8, seed=2)
    mood.look(2)
    lines = list_windows(mood.workspace)
    assert "text" not in lines[0].drifted
    assert "text" in lines[1].drifted
    detail = get_window(mood.workspace, model=mood.ref, environment="production", start=mood.day(1))
    assert detail.drift is not None
    telling = {each["token"] for each in detail.drift["tokens"]["text"] if each["z"] > 0}
    assert telling >= set(REVIEWS)


def test_confidence_is_believed_as_far_as_it_was_right(mood: Production) -> None:
    # One in five of the tuned rows is misjudged, however sure the model is.
    say(mood, 3, ["fine", "glad"], sure=0.999, seed=3)
    mood.look(4)
    found = list_windows(mood.workspace)[-1].performance
    assert found is not None and found.estimated is not None  # noqa: PT018
    assert found.estimated_low is not None and found.estimated_high is not None  # noqa: PT018
    assert found.estimated_low <= found.estimated <= found.estimated_high
