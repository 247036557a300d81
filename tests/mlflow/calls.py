"""One script of calls to MLflow's API, for any server that offers it; gives the answers, comparable.

Against a running server, such as `mlflow server` when its answers are recorded anew:

    python -m tests.mlflow.calls http://127.0.0.1:5000 > tests/mlflow/recorded.json

The server must be empty, and have MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS=true. What differs from run to run (ids,
times, names that a server draws) is put in angle brackets.
"""

import json
import re
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any, NamedTuple

API = "/api/2.0/mlflow/"
FILES = "/api/2.0/mlflow-artifacts/artifacts"
NAN = "NaN"


class Call(NamedTuple):
    """One request. A `$name` in it stands for what an earlier answer gave under that name."""

    title: str
    method: str
    path: str
    given: Any = None
    saves: str = ""
    raw: bytes | None = None
    headers: dict[str, str] | None = None


def post(title: str, path: str, saves: str = "", /, **given: Any) -> Call:
    return Call(title, "POST", path, given, saves)


def get(title: str, path: str, saves: str = "", /, **given: Any) -> Call:
    return Call(title, "GET", path, given, saves)


def patch(title: str, path: str, /, **given: Any) -> Call:
    return Call(title, "PATCH", path, given)


def remove(title: str, path: str, /, **given: Any) -> Call:
    return Call(title, "DELETE", path, given)


def tags(**words: str) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in words.items()]


EXPERIMENTS = [
    get("the default experiment", "experiments/get", experiment_id="0"),
    get("an unknown name", "experiments/get-by-name", experiment_name="study"),
    post("create", "experiments/create", "experiment_id=exp", name="study", tags=tags(team="a")),
    get("by id", "experiments/get", experiment_id="$exp"),
    get("by name", "experiments/get-by-name", experiment_name="study"),
    post("create again", "experiments/create", name="study"),
    post("create without a name", "experiments/create"),
    post("create with a number for a name", "experiments/create", name=3),
    post("a name too long", "experiments/create", name="x" * 501),
    post("a place that is a run", "experiments/create", name="r", artifact_location="runs:/x"),
    get("no id", "experiments/get"),
    get("an unknown id", "experiments/get", experiment_id="999"),
    get("an id that is none", "experiments/get", experiment_id="abc"),
    post("rename", "experiments/update", experiment_id="$exp", new_name="study 2"),
    post("rename without a name", "experiments/update", experiment_id="$exp"),
    post("tag", "experiments/set-experiment-tag", experiment_id="$exp", key="k", value="v"),
    post("tag without a key", "experiments/set-experiment-tag", experiment_id="$exp", value="v"),
    post("untag", "experiments/delete-experiment-tag", experiment_id="$exp", key="k"),
    post("untag what is not", "experiments/delete-experiment-tag", experiment_id="$exp", key="k"),
    get("after it all", "experiments/get", experiment_id="$exp"),
    post("a second one", "experiments/create", "experiment_id=other", name="second"),
    post("search by name", "experiments/search", max_results=10, filter="name LIKE 'stud%'"),
    post("search by tag", "experiments/search", max_results=10, filter="tags.team = 'a'"),
    post("search in order", "experiments/search", max_results=10, order_by=["name ASC"]),
    post(
        "search, one a page", "experiments/search", "next_page_token=page", max_results=1, order_by=["name"]
    ),
    post("the next page", "experiments/search", max_results=5, order_by=["name"], page_token="$page"),
    post("search without a limit", "experiments/search", filter="name = 'second'"),
    post("a limit of 0", "experiments/search", max_results=0),
    post("a limit too high", "experiments/search", max_results=50_001),
    post("a filter that is none", "experiments/search", max_results=5, filter="name ~ 'x'"),
    post("an unknown attribute", "experiments/search", max_results=5, filter="nome = 'x'"),
    post("delete", "experiments/delete", experiment_id="$other"),
    post("delete again", "experiments/delete", experiment_id="$other"),
    get("deleted", "experiments/get", experiment_id="$other"),
    post("only the deleted", "experiments/search", max_results=5, view_type="DELETED_ONLY"),
    post("a run in it", "runs/create", experiment_id="$other"),
    post("rename the deleted", "experiments/update", experiment_id="$other", new_name="x"),
    post("restore", "experiments/restore", experiment_id="$other"),
    post("restore again", "experiments/restore", experiment_id="$other"),
    post("delete an unknown one", "experiments/delete", experiment_id="999"),
]

RUNS = [
    post(
        "create",
        "runs/create",
        "run.info.run_id=run",
        experiment_id="$exp",
        user_id="ana",
        run_name="first",
        start_time=1700000000000,
        tags=tags(a="1"),
    ),
    get("get", "runs/get", run_id="$run"),
    get("get by its old name", "runs/get", run_uuid="$run"),
    get("get nothing", "runs/get"),
    get("get an unknown one", "runs/get", run_id="0" * 32),
    get("get an odd one", "runs/get", run_id="../../x"),
    post("create in an unknown experiment", "runs/create", experiment_id="999"),
    post("create with a name of its own", "runs/create", "run.info.run_id=drawn", experiment_id="$exp"),
    post(
        "two names",
        "runs/create",
        experiment_id="$exp",
        run_name="x",
        tags=[{"key": "mlflow.runName", "value": "y"}],
    ),
    post(
        "a metric", "runs/log-metric", run_id="$run", key="loss", value=0.5, timestamp=1700000000001, step=1
    ),
    post(
        "a metric as text",
        "runs/log-metric",
        run_id="$run",
        key="loss",
        value="0.25",
        timestamp="1700000000002",
        step="2",
    ),
    post("NaN", "runs/log-metric", run_id="$run", key="nan", value=NAN, timestamp=1700000000002),
    post("infinity", "runs/log-metric", run_id="$run", key="inf", value="-Infinity", timestamp=1700000000002),
    post(
        "the same step later",
        "runs/log-metric",
        run_id="$run",
        key="loss",
        value=0.75,
        timestamp=1700000000009,
        step=2,
    ),
    post(
        "an earlier step",
        "runs/log-metric",
        run_id="$run",
        key="loss",
        value=9,
        timestamp=1700000000019,
        step=0,
    ),
    post(
        "the same point again",
        "runs/log-metric",
        run_id="$run",
        key="loss",
        value=0.5,
        timestamp=1700000000001,
        step=1,
    ),
    post("a negative step", "runs/log-metric", run_id="$run", key="neg", value=1, timestamp=1, step=-3),
    post("no key", "runs/log-metric", run_id="$run", value=1, timestamp=1),
    post("no value", "runs/log-metric", run_id="$run", key="x", timestamp=1),
    post("no time", "runs/log-metric", run_id="$run", key="x", value=1),
    post("a negative time", "runs/log-metric", run_id="$run", key="x", value=1, timestamp=-1),
    post("a value that is a word", "runs/log-metric", run_id="$run", key="x", value="high", timestamp=1),
    post("a value that is yes", "runs/log-metric", run_id="$run", key="x", value=True, timestamp=1),
    post("a key that climbs", "runs/log-metric", run_id="$run", key="../x", value=1, timestamp=1),
    post("an absolute key", "runs/log-metric", run_id="$run", key="/x", value=1, timestamp=1),
    post("a key with an odd sign", "runs/log-metric", run_id="$run", key="a$b", value=1, timestamp=1),
    post("a key too long", "runs/log-metric", run_id="$run", key="k" * 251, value=1, timestamp=1),
    post("an unknown run", "runs/log-metric", run_id="0" * 32, key="x", value=1, timestamp=1),
    post(
        "an unknown field", "runs/log-metric", run_id="$run", key="ok", value=1, timestamp=1, novel={"x": [1]}
    ),
    post("a param", "runs/log-parameter", run_id="$run", key="c", value="0.1"),
    post("the same param", "runs/log-parameter", run_id="$run", key="c", value="0.1"),
    post("another value", "runs/log-parameter", run_id="$run", key="c", value="0.2"),
    post("an empty value", "runs/log-parameter", run_id="$run", key="empty", value=""),
    post("no key of a param", "runs/log-parameter", run_id="$run", value="0.2"),
    post("a long value", "runs/log-parameter", run_id="$run", key="long", value="v" * 6001),
    post("a param that is a number", "runs/log-parameter", run_id="$run", key="n", value=3),
    post("a tag", "runs/set-tag", run_id="$run", key="b", value="2"),
    post("the tag again", "runs/set-tag", run_id="$run", key="b", value="3"),
    post("a tag without a key", "runs/set-tag", run_id="$run", value="2"),
    post("untag", "runs/delete-tag", run_id="$run", key="a"),
    post("untag what is not", "runs/delete-tag", run_id="$run", key="a"),
    post("a name by a tag", "runs/set-tag", run_id="$run", key="mlflow.runName", value="renamed"),
    get("after it all", "runs/get", run_id="$run"),
    get("history", "metrics/get-history", run_id="$run", metric_key="loss"),
    get(
        "history, two a page",
        "metrics/get-history",
        "next_page_token=more",
        run_id="$run",
        metric_key="loss",
        max_results=2,
    ),
    get(
        "the rest", "metrics/get-history", run_id="$run", metric_key="loss", max_results=5, page_token="$more"
    ),
    get("history of NaN", "metrics/get-history", run_id="$run", metric_key="nan"),
    get("history of nothing", "metrics/get-history", run_id="$run", metric_key="none"),
    get("history without a key", "metrics/get-history", run_id="$run"),
    get("history of no run", "metrics/get-history", run_id="0" * 32, metric_key="loss"),
    get("history of 0", "metrics/get-history", run_id="$run", metric_key="loss", max_results=0),
    post(
        "a batch",
        "runs/log-batch",
        run_id="$run",
        metrics=[
            {"key": "acc", "value": 0.1 * n, "timestamp": 1700000000000 + n, "step": n} for n in range(3)
        ],
        params=tags(p1="1", p2="two"),
        tags=tags(t1="1"),
    ),
    post("an empty batch", "runs/log-batch", run_id="$run"),
    post("a batch without a run", "runs/log-batch", metrics=[]),
    post(
        "a batch too large",
        "runs/log-batch",
        run_id="$run",
        metrics=[{"key": "m", "value": 1, "timestamp": 1}] * 1001,
    ),
    post(
        "too many params", "runs/log-batch", run_id="$run", params=tags(**{f"p{n}": "1" for n in range(101)})
    ),
    post("too many tags", "runs/log-batch", run_id="$run", tags=tags(**{f"t{n}": "1" for n in range(101)})),
    post(
        "all too many",
        "runs/log-batch",
        run_id="$run",
        metrics=[{"key": "m", "value": 1, "timestamp": 1}] * 950,
        params=tags(**{f"q{n}": "1" for n in range(51)}),
    ),
    post("a param twice", "runs/log-batch", run_id="$run", params=[*tags(d="1"), *tags(d="1")]),
    post("a param changed in a batch", "runs/log-batch", run_id="$run", params=tags(c="0.9", fresh="1")),
    post(
        "a bad metric in a batch",
        "runs/log-batch",
        run_id="$run",
        metrics=[{"key": "x", "value": 1, "timestamp": 1}, {"key": "../y", "value": 1, "timestamp": 1}],
    ),
    post("a metric without a value", "runs/log-batch", run_id="$run", metrics=[{"key": "x", "timestamp": 1}]),
    post("batch as no list", "runs/log-batch", run_id="$run", metrics={"x": 1}),
    post("end", "runs/update", run_id="$run", status="FINISHED", end_time=1700000009000),
    post("a status that is none", "runs/update", run_id="$run", status="DONE"),
    post("rename", "runs/update", run_id="$run", run_name="last name"),
    post("update nothing", "runs/update", status="FAILED"),
    post("after the end", "runs/log-metric", run_id="$run", key="late", value=1, timestamp=1700000010000),
    get("ended", "runs/get", run_id="$run"),
    post(
        "inputs",
        "runs/log-inputs",
        run_id="$run",
        datasets=[
            {
                "dataset": {
                    "name": "d",
                    "digest": "abc",
                    "source_type": "local",
                    "source": "{}",
                    "schema": "s",
                },
                "tags": tags(**{"mlflow.data.context": "train"}),
            }
        ],
    ),
    post(
        "inputs without a name", "runs/log-inputs", run_id="$run", datasets=[{"dataset": {"digest": "abc"}}]
    ),
    get("with inputs", "runs/get", run_id="$run"),
    post("delete", "runs/delete", run_id="$drawn"),
    post("delete again", "runs/delete", run_id="$drawn"),
    post("log to the deleted", "runs/log-metric", run_id="$drawn", key="x", value=1, timestamp=1),
    post("tag the deleted", "runs/set-tag", run_id="$drawn", key="x", value="1"),
    post("end the deleted", "runs/update", run_id="$drawn", status="FAILED"),
    post("restore", "runs/restore", run_id="$drawn"),
    post("delete an unknown one", "runs/delete", run_id="0" * 32),
    Call("a body that is no JSON", "POST", "runs/log-metric", raw=b"{x"),
    Call("a body that is a list", "POST", "runs/log-metric", raw=b"[1]"),
    Call("no body", "POST", "runs/log-metric", raw=b""),
    get("an unknown route", "runs/fetch"),
]

SEARCH = [
    post(
        "create b",
        "runs/create",
        "run.info.run_id=b",
        experiment_id="$exp",
        run_name="b",
        start_time=1700000001000,
    ),
    post(
        "its metrics",
        "runs/log-batch",
        run_id="$b",
        metrics=[{"key": "acc", "value": 0.9, "timestamp": 1}, {"key": "nan", "value": 1, "timestamp": 1}],
        params=tags(c="0.5"),
        tags=tags(team="x"),
    ),
    post("all", "runs/search", experiment_ids=["$exp"]),
    post("no experiments", "runs/search"),
    post("by metric", "runs/search", experiment_ids=["$exp"], filter="metrics.acc > 0.5"),
    post("by param", "runs/search", experiment_ids=["$exp"], filter="params.c = '0.1'"),
    post("by tag", "runs/search", experiment_ids=["$exp"], filter="tags.team LIKE 'X%'"),
    post("by tag, any case", "runs/search", experiment_ids=["$exp"], filter="tags.team ILIKE 'X%'"),
    post("by status", "runs/search", experiment_ids=["$exp"], filter="attributes.status = 'FINISHED'"),
    post(
        "by start",
        "runs/search",
        experiment_ids=["$exp"],
        filter="start_time >= 1700000001000 and start_time < 1700000002000",
    ),
    post("by name", "runs/search", experiment_ids=["$exp"], filter="run_name = 'b'"),
    post("by id", "runs/search", experiment_ids=["$exp"], filter="attributes.run_id IN ('$b')"),
    post(
        "by data set",
        "runs/search",
        experiment_ids=["$exp"],
        filter="datasets.name = 'd' and dataset.context = 'train'",
    ),
    post("unlike what is missing", "runs/search", experiment_ids=["$exp"], filter="params.p1 != '7'"),
    post("missing", "runs/search", experiment_ids=["$exp"], filter="params.p1 IS NULL"),
    post("in order of a metric", "runs/search", experiment_ids=["$exp"], order_by=["metrics.nan DESC"]),
    post("in order of a param", "runs/search", experiment_ids=["$exp"], order_by=["params.c"]),
    post("one a page", "runs/search", "next_page_token=runs", experiment_ids=["$exp"], max_results=1),
    post("the next", "runs/search", experiment_ids=["$exp"], max_results=2, page_token="$runs"),
    post("OR", "runs/search", experiment_ids=["$exp"], filter="metrics.acc > 1 OR params.c = '1'"),
    post("a number in quotes", "runs/search", experiment_ids=["$exp"], filter="metrics.acc > '1'"),
    post("too many", "runs/search", experiment_ids=["$exp"], max_results=50_001),
    post("a token that is none", "runs/search", experiment_ids=["$exp"], page_token="%%%"),
    post("the deleted", "runs/search", experiment_ids=["$exp"], run_view_type="DELETED_ONLY"),
]

ARTIFACTS = [
    get("none yet", "artifacts/list", run_id="$run"),
    Call("put", "PUT", f"{FILES}/$exp/$run/artifacts/a/b.txt", raw=b"hello"),
    Call("put another", "PUT", f"{FILES}/$exp/$run/artifacts/top.json", raw=b"{}"),
    Call("put again", "PUT", f"{FILES}/$exp/$run/artifacts/top.json", raw=b'{"a":1}'),
    get("the top", "artifacts/list", run_id="$run"),
    get("a folder", "artifacts/list", run_id="$run", path="a"),
    get("a file", "artifacts/list", run_id="$run", path="top.json"),
    get("what is not", "artifacts/list", run_id="$run", path="none"),
    get("a climb", "artifacts/list", run_id="$run", path="../.."),
    get("a hidden climb", "artifacts/list", run_id="$run", path="%2e%2e"),
    get("by proxy", FILES, path="$exp/$run/artifacts"),
    get("a folder by proxy", FILES, path="$exp/$run/artifacts/a"),
    Call("get", "GET", f"{FILES}/$exp/$run/artifacts/top.json"),
    Call("get what is not", "GET", f"{FILES}/$exp/$run/artifacts/none"),
    Call("put above", "PUT", f"{FILES}/$exp/$run/artifacts/%2e%2e/x", raw=b"x"),
    Call("put far above", "PUT", f"{FILES}/%252e%252e/x", raw=b"x"),
    Call("put absolutely", "PUT", f"{FILES}//etc/x", raw=b"x"),
    Call("put to a drive", "PUT", f"{FILES}/C:%5Cx", raw=b"x"),
    Call("put with a hash", "PUT", f"{FILES}/$exp/$run/artifacts/a%23b", raw=b"x"),
    remove("delete", f"{FILES}/$exp/$run/artifacts/top.json"),
    get("after deletion", "artifacts/list", run_id="$run"),
]

REGISTRY = [
    get("an unknown model", "registered-models/get", name="m"),
    post("create", "registered-models/create", name="m", description="words", tags=tags(a="1")),
    post("create again", "registered-models/create", name="m"),
    post("no name", "registered-models/create"),
    post("a name with a slash", "registered-models/create", name="a/b"),
    post("a name with a colon", "registered-models/create", name="a:b"),
    get("get", "registered-models/get", name="m"),
    post(
        "a version",
        "model-versions/create",
        name="m",
        source="s3://bucket/x",
        run_id="$run",
        tags=tags(v="1"),
    ),
    post("a second", "model-versions/create", name="m", source="s3://bucket/y", description="two"),
    post("of an unknown model", "model-versions/create", name="none", source="s3://x"),
    post("without a source", "model-versions/create", name="m"),
    get("get a version", "model-versions/get", name="m", version="1"),
    get("an unknown version", "model-versions/get", name="m", version="9"),
    get("a version that is no number", "model-versions/get", name="m", version="x"),
    get("where from", "model-versions/get-download-uri", name="m", version="1"),
    post("an alias", "registered-models/alias", name="m", alias="champion", version="1"),
    post("the alias moves", "registered-models/alias", name="m", alias="champion", version="2"),
    post("a reserved alias", "registered-models/alias", name="m", alias="latest", version="1"),
    post("an alias like a version", "registered-models/alias", name="m", alias="v3", version="1"),
    post("an alias with a space", "registered-models/alias", name="m", alias="a b", version="1"),
    post("an alias to nothing", "registered-models/alias", name="m", alias="x", version="9"),
    get("by alias", "registered-models/alias", name="m", alias="champion"),
    get("by an unknown alias", "registered-models/alias", name="m", alias="none"),
    get("with aliases", "registered-models/get", name="m"),
    remove("unalias", "registered-models/alias", name="m", alias="champion"),
    post("to Archived", "model-versions/transition-stage", name="m", version="1", stage="archived"),
    post("to what is no stage", "model-versions/transition-stage", name="m", version="1", stage="Prod"),
    post("latest of each stage", "registered-models/get-latest-versions", name="m"),
    post("latest of one stage", "registered-models/get-latest-versions", name="m", stages=["Archived"]),
    patch("describe", "registered-models/update", name="m", description="other"),
    patch("describe a version", "model-versions/update", name="m", version="2", description="deux"),
    post("tag", "registered-models/set-tag", name="m", key="k", value="v"),
    remove("untag", "registered-models/delete-tag", name="m", key="k"),
    remove("untag what is not", "registered-models/delete-tag", name="m", key="k"),
    post("tag a version", "model-versions/set-tag", name="m", version="2", key="k", value="v"),
    remove("untag a version", "model-versions/delete-tag", name="m", version="2", key="k"),
    post("another model", "registered-models/create", name="n"),
    get("search", "registered-models/search", filter="name LIKE 'm%'"),
    get("search by tag", "registered-models/search", filter="tags.a = '1'"),
    get("search all, one a page", "registered-models/search", "next_page_token=models", max_results="1"),
    get("the next", "registered-models/search", page_token="$models"),
    get("a bad filter", "registered-models/search", filter="nome = 'x'"),
    get("a limit too high", "registered-models/search", max_results="1001"),
    get("search versions", "model-versions/search", filter="name = 'm'", order_by=["version_number ASC"]),
    get("by run", "model-versions/search", filter="run_id = '$run'"),
    post("rename", "registered-models/rename", name="n", new_name="o"),
    post("rename to what is", "registered-models/rename", name="o", new_name="m"),
    remove("delete a version", "model-versions/delete", name="m", version="1"),
    get("the deleted version", "model-versions/get", name="m", version="1"),
    post("a third", "model-versions/create", name="m", source="s3://bucket/z"),
    remove("delete", "registered-models/delete", name="o"),
    remove("delete again", "registered-models/delete", name="o"),
]

LOGGED = [
    post(
        "create",
        "logged-models",
        "model.info.model_id=model",
        experiment_id="$exp",
        name="clf",
        model_type="agent",
        source_run_id="$run",
        params=tags(p="1"),
        tags=tags(t="1"),
    ),
    get("get", "logged-models/$model"),
    get("an unknown one", "logged-models/m-" + "0" * 32),
    patch("ready", "logged-models/$model", model_id="$model", status="LOGGED_MODEL_READY"),
    patch("tag", "logged-models/$model/tags", model_id="$model", tags=tags(u="2")),
    remove("untag", "logged-models/$model/tags/t"),
    remove("untag again", "logged-models/$model/tags/t"),
    post("params", "logged-models/$model/params", model_id="$model", params=tags(q="2")),
    post("made by", "runs/outputs", run_id="$run", models=[{"model_id": "$model", "step": 0}]),
    post(
        "its metric", "runs/log-metric", run_id="$run", key="score", value=0.5, timestamp=5, model_id="$model"
    ),
    get("after it all", "logged-models/$model"),
    post("search", "logged-models/search", experiment_ids=["$exp"]),
    post("search by metric", "logged-models/search", experiment_ids=["$exp"], filter="metrics.score > 0.4"),
    post("search by param", "logged-models/search", experiment_ids=["$exp"], filter="params.p = '7'"),
    get("the run has made it", "runs/get", run_id="$run"),
    post("a version of it", "model-versions/create", name="m", source="models:/$model"),
    get("its files", "model-versions/get-download-uri", name="m", version="4"),
    remove("delete", "logged-models/$model"),
    get("the deleted", "logged-models/$model"),
]

AJAX = "/ajax-api/2.0/mlflow/"
EVENTS = [{"entity": "MODEL_VERSION", "action": "CREATED"}]
# Nothing listens there; the server that is recorded is told to let it be, as ours is.
HOOK = "https://127.0.0.1:9/hook"

PAGES = [
    get("of the page's own prefix", f"{AJAX}runs/get", run_id="$run"),
    get("points of two runs", f"{AJAX}metrics/get-history-bulk", run_id=["$run", "$b"], metric_key="loss"),
    get("of no run", f"{AJAX}metrics/get-history-bulk", metric_key="loss"),
    get("of no metric", f"{AJAX}metrics/get-history-bulk", run_id="$run"),
    get("of too many runs", f"{AJAX}metrics/get-history-bulk", run_id=["x"] * 101, metric_key="loss"),
    get("of an unknown run", f"{AJAX}metrics/get-history-bulk", run_id="0" * 32, metric_key="loss"),
    get("two points", f"{AJAX}metrics/get-history-bulk", run_id="$run", metric_key="loss", max_results=2),
    get("a sample", "metrics/get-history-bulk-interval", run_ids=["$run"], metric_key="loss", max_results=2),
    get("the last", "metrics/get-history-bulk-interval", run_ids=["$run"], metric_key="loss", max_results=1),
    get(
        "a stretch",
        "metrics/get-history-bulk-interval",
        run_ids=["$run"],
        metric_key="loss",
        start_step=1,
        end_step=2,
    ),
    get("half a stretch", "metrics/get-history-bulk-interval", run_ids=["$run"], metric_key="m", end_step=1),
    get(
        "a stretch backwards",
        "metrics/get-history-bulk-interval",
        run_ids=["$run"],
        metric_key="loss",
        start_step=2,
        end_step=1,
    ),
    get("a sample of no run", "metrics/get-history-bulk-interval", metric_key="loss"),
    get("a sample of nothing", "metrics/get-history-bulk-interval", run_ids=["$run"]),
    get(
        "a sample of 0", "metrics/get-history-bulk-interval", run_ids=["$run"], metric_key="m", max_results=0
    ),
    get("of what is not", "metrics/get-history-bulk-interval", run_ids=["0" * 32], metric_key="loss"),
    post("data sets", f"{AJAX}experiments/search-datasets", experiment_ids=["$exp"]),
    post("data sets, oddly", "/api/2.0mlflow/experiments/search-datasets", experiment_ids=["$exp"]),
    post("data sets of nothing", f"{AJAX}experiments/search-datasets"),
    Call("upload", "POST", f"{AJAX}upload-artifact?run_uuid=$run&path=up/x.txt", raw=b"x"),
    Call("upload to no run", "POST", f"{AJAX}upload-artifact?path=x.txt", raw=b"x"),
    Call("upload without a name", "POST", f"{AJAX}upload-artifact?run_uuid=$run", raw=b"x"),
    Call("upload nothing", "POST", f"{AJAX}upload-artifact?run_uuid=$run&path=x", raw=b""),
    get("download", "/get-artifact", run_uuid="$run", path="up/x.txt"),
    get("download what is not", "/get-artifact", run_id="$run", path="none"),
    get("download from above", "/get-artifact", run_id="$run", path="../x"),
    get("download from an unknown run", "/get-artifact", run_id="0" * 32, path="x"),
]

WEBHOOKS = [
    post(
        "create",
        "webhooks",
        "webhook.webhook_id=hook",
        name="ci",
        url=HOOK,
        events=EVENTS,
        secret="s",
        description="words",
    ),
    post("asleep", "webhooks", "webhook.webhook_id=slept", name="ci2", url=HOOK, events=EVENTS, status=2),
    post("no name", "webhooks", url=HOOK, events=EVENTS),
    post("no address", "webhooks", name="x", events=EVENTS),
    post("no events", "webhooks", name="x", url=HOOK),
    post("a name with a space", "webhooks", name="a b", url=HOOK, events=EVENTS),
    post("a name too long", "webhooks", name="x" * 64, url=HOOK, events=EVENTS),
    post("not https", "webhooks", name="x", url="http://example.org/x", events=EVENTS),
    post("not an address", "webhooks", name="x", url="words", events=EVENTS),
    post(
        "what never happens",
        "webhooks",
        name="x",
        url=HOOK,
        events=[{"entity": "MODEL_VERSION", "action": "SET"}],
    ),
    get("get", "webhooks/$hook"),
    get("get an unknown one", "webhooks/none"),
    get("list", "webhooks"),
    get("list one", "webhooks", "next_page_token=hooks", max_results="1"),
    get("the next", "webhooks", page_token="$hooks"),
    get("list too many", "webhooks", max_results="1001"),
    patch(
        "change", "webhooks/$hook", description="other", events=[{"entity": "PROMPT", "action": "CREATED"}]
    ),
    patch("sleep", "webhooks/$hook", status="DISABLED"),
    patch("change an unknown one", "webhooks/none", description="x"),
    patch("a bad name", "webhooks/$hook", name="-"),
    post("try an unknown one", "webhooks/none/test"),
    remove("delete", "webhooks/$hook"),
    remove("delete again", "webhooks/$hook"),
    get("the deleted", "webhooks/$hook"),
]

SCRIPT = {
    "experiments": EXPERIMENTS,
    "runs": RUNS,
    "search": SEARCH,
    "artifacts": ARTIFACTS,
    "registry": REGISTRY,
    "logged": LOGGED,
    "pages": PAGES,
    "webhooks": WEBHOOKS,
}


def answers(base: str, script: dict[str, list[Call]] = SCRIPT) -> dict[str, Any]:
    """Every answer by `part: title`, comparable."""
    known: dict[str, str] = {}
    found: dict[str, Any] = {}
    for part, calls in script.items():
        for call in calls:
            status, told = _ask(base, call, known)
            if call.saves and isinstance(told, dict):
                place, _, name = call.saves.partition("=")
                known[name] = str(_at(told, place))
            found[f"{part}: {call.title}"] = [status, _plain(told, known)]
    return found


def _ask(base: str, call: Call, known: dict[str, str]) -> tuple[int, Any]:
    path = _filled(call.path, known)
    url = base + (path if path.startswith("/") else API + path)
    given = _filled(call.given, known)
    data = call.raw
    headers = {"Content-Type": "application/json"} | _filled(call.headers or {}, known)
    if call.method == "GET" and given:
        url += "?" + urllib.parse.urlencode(given, doseq=True)
    elif given is not None and call.raw is None and call.method != "GET":
        data = json.dumps(given).encode()
    request = urllib.request.Request(url, data=data, headers=headers, method=call.method)
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:
            return reply.status, _decoded(reply.read())
    except urllib.error.HTTPError as error:
        return error.code, _decoded(error.read())


def _decoded(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")[:300]


def _filled(value: Any, known: dict[str, str]) -> Any:
    if isinstance(value, str):
        return re.sub(r"\$(\w+)", lambda name: known.get(name[1], name[0]), value)
    if isinstance(value, dict):
        return {key: _filled(inner, known) for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, known) for inner in value]
    return value


def _at(told: Any, place: str) -> Any:
    for name in place.split("."):
        told = told.get(name, {}) if isinstance(told, dict) else {}
    return told


def _plain(value: Any, known: dict[str, str], name: str = "") -> Any:
    """An answer without what differs from run to run."""
    if isinstance(value, dict):
        return {key: _plain(inner, known, key) for key, inner in sorted(value.items())}
    if isinstance(value, list):
        return sorted((_plain(each, known, name) for each in value), key=_order(name))
    if "token" in name:
        return "<token>"
    if isinstance(value, int | float) and re.search(r"creation|updated|update_time", name):
        return "<time>"
    if name == "start_time" and isinstance(value, int) and value == 0:
        return value
    if isinstance(value, str):
        for each, told in sorted(known.items(), key=lambda pair: -len(pair[1])):
            if len(told) > 8:
                value = value.replace(told, f"<{each}>")
        return re.sub(r"\b[a-z]+-[a-z]+-\d+\b", "<drawn>", value)
    return value


def _order(name: str) -> Any:
    """Tags, params and metrics come in no order; everything else in the one that is asked for."""
    free = ("tags", "params", "metrics", "aliases", "files")
    return (lambda each: json.dumps(each, sort_keys=True)) if name in free else (lambda _each: 0)


def lines(found: dict[str, Any]) -> Iterator[str]:
    """One call a line."""
    for title, told in found.items():
        yield f"{json.dumps(title)}: {json.dumps(told, sort_keys=True)}"


if __name__ == "__main__":
    print("{\n" + ",\n".join(lines(answers(sys.argv[1]))) + "\n}")
