"""What a user's script does, unchanged: run by the interpreter of a client of MLflow, with servers' URLs.

build/clients/mlflow2/bin/python tests/mlflow/user_script.py http://127.0.0.1:7070

Heavy imports are inside functions: processes that it starts import this file again.
"""

import importlib.util
import sys
import tempfile
import threading
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from typing import Any

import mlflow

IS_OLD = int(mlflow.__version__.split(".")[0]) < 3
HAS_PLOTS = importlib.util.find_spec("matplotlib") is not None
NAME = f"clf-{mlflow.__version__}"
ROWS = 60
REFUSED = "INVALID_PARAMETER_VALUE"
FILTERS: dict[str, Any] = {
    "metrics.f1 > 0.4": 1,
    "metrics.f1 >= 0.6": 0,
    "metrics.`f1` != 0.6 and params.solver = 'lbfgs'": 1,
    "params.solver LIKE 'l%' AND params.solver ILIKE 'LB%'": 1,
    "params.solver LIKE 'L%'": 0,
    "params.C != '1.0'": 0,
    "tags.kind IS NULL": 2,
    'tags."mlflow.runName" = "by hand"': 1,
    "run_name = 'by hand' AND run_id NOT IN ('x')": 1,
    "run_name IN ('by hand', 'boosted')": REFUSED,
    "attributes.status = 'FINISHED' AND attributes.start_time > 0": 3,
    "dataset.context = 'training' AND dataset.name LIKE '%'": 1,
    "metrics.f1 > 0.4 OR metrics.f1 < 0.1": REFUSED,
    "params.C = 1.0": REFUSED,
    "metrics.f1 = '1'": REFUSED,
    "(metrics.f1 > 0.4)": REFUSED,
}
"""How many of the three runs each lets through; or the code that refuses it."""


def data() -> tuple[Any, Any]:
    from sklearn.datasets import make_classification

    x, y = make_classification(n_samples=ROWS, n_features=4, random_state=1)
    return x, y


def search_the_best() -> None:
    """Autologging, with the runs below it that a search makes."""
    import mlflow.sklearn
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV

    mlflow.sklearn.autolog(log_datasets=True, silent=True)
    x, y = data()
    with mlflow.start_run(run_name="search") as run:
        GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2).fit(x, y)
    mlflow.sklearn.autolog(disable=True)
    client = mlflow.MlflowClient()
    found = client.get_run(run.info.run_id)
    assert found.info.status == "FINISHED"
    assert found.data.params["best_C"] in ("0.1", "1.0")
    assert 0 < found.data.metrics["best_cv_score"] <= 1
    below = client.search_runs([run.info.experiment_id], f"tags.mlflow.parentRunId = '{run.info.run_id}'")
    assert sorted(each.data.params["C"] for each in below) == ["0.1", "1.0"]
    assert {each.info.status for each in below} == {"FINISHED"}
    assert found.inputs.dataset_inputs
    assert "cv_results.csv" in [each.path for each in client.list_artifacts(run.info.run_id)]
    for each in below:
        client.delete_run(each.info.run_id)


def boost() -> None:
    """Autologging of a booster: each round's metric, its params, its model, which comes back as it was."""
    import lightgbm
    import mlflow.lightgbm

    mlflow.lightgbm.autolog(silent=True)
    x, y = data()
    told = {"objective": "binary", "num_leaves": 3, "min_data_in_leaf": 2, "verbose": -1, "num_threads": 1}
    with mlflow.start_run(run_name="boosted") as run:
        rows = lightgbm.Dataset(x, y)
        booster = lightgbm.train(told, rows, num_boost_round=4, valid_sets=[rows], valid_names=["train"])
    mlflow.lightgbm.autolog(disable=True)
    client = mlflow.MlflowClient()
    found = client.get_run(run.info.run_id)
    assert (found.info.status, found.data.params["num_leaves"]) == ("FINISHED", "3")
    points = client.get_metric_history(run.info.run_id, "train-binary_logloss")
    assert [each.step for each in points] == [0, 1, 2, 3]
    assert points[-1].value == found.data.metrics["train-binary_logloss"] < points[0].value
    assert found.inputs.dataset_inputs
    files = {each.path for each in client.list_artifacts(run.info.run_id)}
    assert files >= ({"feature_importance_split.png", "feature_importance_gain.json"} if HAS_PLOTS else set())
    uri, expected = f"runs:/{run.info.run_id}/model", booster.predict(x)
    assert (mlflow.lightgbm.load_model(uri).predict(x) == expected).all()
    assert (mlflow.pyfunc.load_model(uri).predict(x) == expected).all()


def log_and_load() -> None:
    """Tables, figures, text, a model under its own name, and an alias by which it is loaded."""
    import mlflow.sklearn
    import pandas as pd
    from mlflow.models import infer_signature
    from sklearn.linear_model import LogisticRegression

    x, y = data()
    model = LogisticRegression().fit(x, y)
    with mlflow.start_run(run_name="by hand") as run:
        mlflow.set_tag("kind", "x")
        mlflow.log_params({"C": 1.0, "solver": "lbfgs"})
        mlflow.log_metrics({"f1": 0.5, "auc": float("nan")}, step=3)
        mlflow.log_table(pd.DataFrame({"in": ["a", "b"], "out": [1, 2]}), "answers.json")
        mlflow.log_table(pd.DataFrame({"in": ["c"], "out": [3]}), "answers.json")
        log_files(run.info.run_id)
        mlflow.log_input(mlflow.data.from_numpy(x, targets=y), context="training")
        signature = infer_signature(x, model.predict(x))
        where = {"artifact_path": "model"} if IS_OLD else {"name": "model"}
        logged = mlflow.sklearn.log_model(model, signature=signature, input_example=x[:2], **where)
    registered = mlflow.register_model(logged.model_uri, NAME)
    client = mlflow.MlflowClient()
    client.set_registered_model_alias(NAME, "champion", registered.version)
    client.set_model_version_tag(NAME, registered.version, "checked", "yes")
    client.update_model_version(NAME, registered.version, "the first")
    loaded = mlflow.sklearn.load_model(f"models:/{NAME}@champion")
    assert (loaded.predict(x) == model.predict(x)).all()
    assert (mlflow.pyfunc.load_model(f"models:/{NAME}/1").predict(x) == model.predict(x)).all()
    assert (mlflow.sklearn.load_model(f"runs:/{run.info.run_id}/model").predict(x) == model.predict(x)).all()
    assert mlflow.load_table("answers.json", [run.info.run_id])["in"].tolist() == ["a", "b", "c"]
    assert [each.tags for each in client.search_model_versions(f"name = '{NAME}'")] == [{"checked": "yes"}]
    history = mlflow.MlflowClient().get_run(run.info.run_id).data.tags.get("mlflow.log-model.history", "")
    assert not IS_OLD or '"artifact_path": "model"' in history.replace('":"', '": "')


def log_files(run: str) -> None:
    """A dictionary, a text, a file, and pictures where something draws them."""
    mlflow.log_dict({"a": {"b": 1}}, "deep/er/a.yaml")
    mlflow.log_dict({"a": {"b": 1}}, "a.json")
    mlflow.log_text("<b>ü</b>", "note.html")
    with tempfile.NamedTemporaryFile("w", suffix=".bin") as file:
        file.write("x" * 100_000)
        file.flush()
        mlflow.log_artifact(file.name, "files")
    place = f"runs:/{run}"
    assert mlflow.artifacts.load_dict(f"{place}/a.json") == {"a": {"b": 1}}
    assert mlflow.artifacts.load_text(f"{place}/deep/er/a.yaml") == "a:\n  b: 1\n"
    assert mlflow.artifacts.load_text(f"{place}/note.html") == "<b>ü</b>"
    if HAS_PLOTS:
        from matplotlib.figure import Figure
        from PIL import Image

        figure = Figure(figsize=(1, 1))
        figure.add_subplot().plot([1, 2])
        mlflow.log_figure(figure, "plots/line.png")
        assert mlflow.artifacts.load_image(f"{place}/plots/line.png").format == "PNG"
        picture = Image.new("RGB", (4, 3), "red")
        mlflow.log_image(picture, "red.png")
        mlflow.log_image(picture, key="seen", step=1, synchronous=True)
        assert mlflow.artifacts.load_image(f"{place}/red.png").size == (4, 3)
        assert len(mlflow.MlflowClient().list_artifacts(run, "images")) == 2


def log_below(parent: str, url: str, number: int) -> str:
    """In another process: a run below one that this one never began."""
    mlflow.set_tracking_uri(url)
    client = mlflow.MlflowClient()
    run = client.create_run(client.get_run(parent).info.experiment_id, tags={"mlflow.parentRunId": parent})
    for step in range(10):
        client.log_metric(run.info.run_id, "loss", 1 / (step + 1 + number), step=step)
        client.log_metric(parent, f"worker.{number}", step, step=step)
    client.set_terminated(run.info.run_id)
    return run.info.run_id


def log_at_once(url: str, pool: ProcessPoolExecutor) -> None:
    """Nested runs, threads and processes, all into one parent."""
    client = mlflow.MlflowClient()
    mlflow.set_experiment(f"parallel {mlflow.__version__}")
    with mlflow.start_run(run_name="parallel") as parent:
        for depth in range(3):
            mlflow.start_run(run_name=f"depth {depth}", nested=True)
        for _ in range(3):
            mlflow.end_run()
        run = parent.info.run_id

        def log(number: int) -> None:
            for step in range(10):
                client.log_metric(run, f"thread.{number}", step, step=step)
                client.set_tag(run, f"thread.{number}", str(step))

        threads = [threading.Thread(target=log, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        below = list(pool.map(log_below, [run] * 3, [url] * 3, range(3)))
        for thread in threads:
            thread.join()
    found = client.get_run(run)
    assert {found.data.metrics[f"{kind}.{n}"] for kind in ("thread", "worker") for n in range(3)} == {9.0}
    assert {found.data.tags[f"thread.{number}"] for number in range(4)} == {"9"}
    children = client.search_runs([parent.info.experiment_id], f"tags.mlflow.parentRunId = '{run}'")
    assert set(below) < {each.info.run_id for each in children}
    assert len(children) == 4
    assert [each.step for each in client.get_metric_history(run, "worker.1")] == list(range(10))


def trace() -> None:
    """Spans below spans, and one that fails; found again and read."""

    @mlflow.trace(span_type="LLM")
    def ask(question: str) -> dict[str, str]:
        with mlflow.start_span("fetch", span_type="TOOL", attributes={"k": 1.5}) as span:
            span.set_inputs([1, 2])
            if not question:
                raise ValueError("nothing to ask")
        return {"answer": question.upper()}

    home = mlflow.set_experiment(f"traced {mlflow.__version__}").experiment_id
    ask("refund?")
    one = mlflow.get_last_active_trace_id()
    with suppress(ValueError):
        ask("")
    if not IS_OLD:
        mlflow.flush_trace_async_logging()
    found = mlflow.get_trace(one)
    spans = [(each.name, each.span_type, each.status.status_code.value) for each in found.data.spans]
    assert spans == [("ask", "LLM", "OK"), ("fetch", "TOOL", "OK")]
    root, child = found.data.spans
    assert (root.inputs, root.outputs) == ({"question": "refund?"}, {"answer": "REFUND?"})
    assert (child.inputs, child.attributes["k"], child.parent_id) == ([1, 2], 1.5, root.span_id)
    client = mlflow.MlflowClient()
    client.set_trace_tag(one, "color", "blue")
    for where in ("tags.color = 'blue'", "status = 'OK'"):
        assert [each.info.request_id for each in client.search_traces([home], where)] == [one]
    failed = client.search_traces([home], "status = 'ERROR'")[0].data.spans
    assert [each.events[0].name for each in failed] == ["exception"] * 2
    assert client.delete_traces(home, max_timestamp_millis=2**50) == 2
    assert client.search_traces([home]) == []


def filter_runs(experiment: str) -> None:
    """The grammar, in small; `test_same_answers` has the rest of it."""
    client, found = mlflow.MlflowClient(), {}
    for where in FILTERS:
        try:
            found[where] = len(client.search_runs([experiment], where))
        except mlflow.MlflowException as error:
            found[where] = error.error_code
    assert found == FILTERS, found
    frame = mlflow.search_runs([experiment], order_by=["metrics.f1 DESC", "start_time ASC"])
    assert frame["tags.mlflow.runName"].tolist() == ["by hand", "search", "boosted"]


def main(urls: list[str]) -> None:
    """All of it, with each server."""
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        for url in urls:
            mlflow.set_tracking_uri(url)
            home = mlflow.set_experiment(f"study {mlflow.__version__}").experiment_id
            search_the_best()
            boost()
            log_and_load()
            filter_runs(home)
            log_at_once(url, pool)
            trace()


if __name__ == "__main__":
    main(sys.argv[1:])
