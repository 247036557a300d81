"""What a failing model leaves on stderr."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from ropeway.pipelines.errors import StepFailed
from ropeway.serving.answer import ask
from ropeway.serving.errors import PredictionFailed
from ropeway.serving.signature import Request

REQUEST = Request({"text": ["private words"]}, 1, is_batch=False)


class Failing:
    """A model whose step says in its exception what it was given."""

    ref = "mood@1"
    inputs: Mapping[str, str] = {"text": "String"}
    nullable = ()
    outputs = ("prediction",)

    def predict(self, rows: Any) -> Any:
        try:
            raise ValueError("cannot read " + rows["text"][0])
        except ValueError as error:
            told = f"ValueError: {error}"
            raise StepFailed("clean", told, "  pipeline.py:7", kept=(), resume="ropeway run") from error

    def close(self) -> None:
        return None


def test_words_of_a_step_that_failed_are_not_logged_where_a_column_is_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    # The log of predictions hashed the column, and stderr had its value in clear.
    caplog.set_level(logging.INFO)
    with pytest.raises(PredictionFailed, match="step 'clean' failed"):
        ask(Failing(), REQUEST, True)
    assert "private words" not in caplog.text
    assert "mood@1: step 'clean' raised ValueError" in caplog.text
    assert "test_answer.py:" in caplog.text
    assert "in predict" in caplog.text


def test_words_of_a_step_that_failed_are_logged_where_all_columns_are(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(PredictionFailed, match="step 'clean' failed"):
        ask(Failing(), REQUEST)
    assert "ValueError: cannot read private words" in caplog.text


def test_a_service_that_hashes_a_column_keeps_an_exception_s_words_to_itself(
    start_service: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    quiet, open_ = start_service(columns={"text": "hashed"}), start_service(columns={"text": "kept"})
    assert quiet.predict({"text": "raise"}).status_code == 500
    assert "mood@1 raised while predicting: RuntimeError" in caplog.text
    assert "secret" not in caplog.text
    open_.predict({"text": "raise"})
    assert "RuntimeError: secret /etc/passwd" in caplog.text
