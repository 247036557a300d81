"""Filters that nobody wrote, read by ours and by MLflow's own parser: the same clauses, or refused by both.

`ROPEWAY_FILTERS=20000 pytest tests/tracking/test_filters_as_mlflow.py` tries so many of each kind.
"""

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.tracking.test_mlflow_filter import answer, shown

HERE = Path(__file__).parent
CLIENT = HERE.parents[1] / "build" / "clients" / "mlflow3" / "bin" / "python"
FEW = 200
COUNT = int(os.environ.get("ROPEWAY_FILTERS", FEW))
BREAKS = "MLflow breaks on it"
# A param or a tag that is called `created` is not the run's start to us, as it is to MLflow.
ALIASED = re.compile("created|run name", re.IGNORECASE)
Ask = Callable[[str, str], object]

FAMILIES = (
    "metrics",
    "metric",
    "params",
    "param",
    "tags",
    "tag",
    "attributes",
    "attr",
    "dataset",
    "METRICS",
    "foo",
    "",
)
ATTRIBUTES = (
    "run_id", "status", "start_time", "end_time", "run_name", "user_id", "artifact_uri", "created", "name",
    "experiment_id", "creation_time", "last_update_time", "version_number", "source_path", "digest",
    "context", "order",
)  # fmt: skip
KEYS = st.one_of(
    st.sampled_from(ATTRIBUTES),
    st.sampled_from(
        ("a", "a b", "a.b", "a/b", "mlflow.user", "1a", "über", "count", "a-b", "Run Name", "_x")
    ),
    # Not of digits alone: `metrics.1` is a metric to us, and nothing to MLflow.
    st.text("ab_.1 ", max_size=4).map("k{}".format),
)
QUOTED = st.sampled_from(("{}", "`{}`", '"{}"', "'{}'"))
COMPARATORS = st.sampled_from(
    ("=", "!=", ">", ">=", "<", "<=", "LIKE", "ILIKE", "like", "IN", "NOT IN", "not in", "==", "<>",
    "RLIKE", "~")
)  # fmt: skip
TEXTS = st.text("ab%_' \"\\.é", max_size=5)
VALUES = st.one_of(
    st.integers(-(10**6), 10**6).map(str),
    # Of `1e+16` MLflow's tokenizer makes two.
    st.floats(allow_nan=False, allow_infinity=False).map(lambda value: repr(value).replace("e+", "e")),
    TEXTS.map("'{}'".format),
    TEXTS.map('"{}"'.format),
    st.lists(TEXTS.map("'{}'".format), max_size=3).map(lambda each: f"({', '.join(each)})"),
    st.sampled_from(("b", "nan", "NULL", "`x`", "()", "(1, 2)", "1.", ".5", "1e5", "-1", "+1", "TRUE")),
)


@st.composite
def clauses(draw: st.DrawFn) -> str:
    family, key, quoted = draw(st.sampled_from(FAMILIES)), draw(KEYS), draw(QUOTED)
    ending = draw(st.sampled_from(("", "", "", " IS NULL", " IS NOT NULL", " is not null")))
    # There, and nowhere else, MLflow takes a key with blanks and no quotes around it.
    key = f"`{key}`" if ending and " " in key else quoted.format(key)
    name = f"{family}.{key}" if family else key
    space = draw(st.sampled_from((" ", " ", " ", "  ", "\n")))
    return name + ending if ending else space.join((name, draw(COMPARATORS), draw(VALUES)))


FILTERS = st.builds(
    lambda parts, joint, after: joint.join(parts) + after,
    st.lists(clauses(), min_size=1, max_size=3),
    st.sampled_from((" AND ", " and ", " AND ", " OR ", " AND AND ")),
    st.sampled_from(("", "", "", "", " AND", ";", " --", ")")),
)


@pytest.fixture(scope="module")
def ask() -> Iterator[Ask]:
    """MLflow's own parser, in the client's interpreter."""
    if not CLIENT.exists():
        pytest.skip("no MLflow client: make build/clients/mlflow3/.made")
    words = [CLIENT, HERE / "mlflow_table.py", "--ask"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        into, out = process.stdin, process.stdout

        def ask(kind: str, text: str) -> object:
            into.write(json.dumps([kind, text]) + "\n")
            into.flush()
            return json.loads(out.readline())

        yield ask
        into.close()


@pytest.mark.parametrize("kind", ["RUNS", "EXPERIMENTS", "REGISTERED_MODELS", "MODEL_VERSIONS"])
def test_a_filter_means_what_it_means_to_mlflow(ask: Ask, kind: str) -> None:
    @settings(max_examples=COUNT, derandomize=COUNT <= FEW, suppress_health_check=list(HealthCheck))
    @given(text=FILTERS)
    def hold(text: str) -> None:
        theirs, ours = ask(kind, text), answer(text, kind)
        if theirs == BREAKS or ALIASED.search(text):
            return
        if isinstance(theirs, str):
            assert isinstance(ours, str), (text, theirs, ours)
        else:
            assert ours == [shown(each) for each in theirs], text

    hold()
