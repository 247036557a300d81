"""What a user's script does, unchanged: run by the interpreter of a client of MLflow, with a server's URL.

build/clients/mlflow2/bin/python tests/mlflow/user_script.py http://127.0.0.1:7070
"""

import sys
import tempfile
import threading
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pandas as pd
from mlflow.models import infer_signature
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

import mlflow

IS_OLD = int(mlflow.__version__.split(".")[0]) < 3
NAME = f"clf-{mlflow.__version__}"


def data() -> tuple[np.ndarray, np.ndarray]:
    x, y = make_classification(n_samples=60, n_features=4, random_state=1)
    return x, y


def search_the_best() -> str:
    """Autologging, with the runs below it that a search makes."""
    mlflow.sklearn.autolog(log_datasets=True, silent=True)
    x, y = data()
    with mlflow.start_run(run_name="search") as run:
        GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0, 10.0]}, cv=2).fit(x, y)
    mlflow.sklearn.autolog(disable=True)
    client = mlflow.MlflowClient()
    found = client.get_run(run.info.run_id)
    assert found.info.status == "FINISHED"
    assert found.data.params["best_C"] in ("0.1", "1.0", "10.0")
    assert 0 < found.data.metrics["best_cv_score"] <= 1
    below = client.search_runs([run.info.experiment_id], f"tags.mlflow.parentRunId = '{run.info.run_id}'")
    assert sorted(each.data.params["C"] for each in below) == ["0.1", "1.0", "10.0"]
    assert {each.info.status for each in below} == {"FINISHED"}
    assert found.inputs.dataset_inputs
    assert "cv_results.csv" in [each.path for each in client.list_artifacts(run.info.run_id)]
    return run.info.run_id


def log_and_load() -> None:
    """Tables, figures of text, a model under its own name, and an alias by which it is loaded."""
    x, y = data()
    model = LogisticRegression().fit(x, y)
    with mlflow.start_run(run_name="by hand") as run:
        mlflow.log_params({"C": 1.0, "solver": "lbfgs"})
        mlflow.log_metrics({"f1": 0.5, "auc": float("nan")}, step=3)
        mlflow.log_table(pd.DataFrame({"in": ["a", "b"], "out": [1, 2]}), "answers.json")
        mlflow.log_table(pd.DataFrame({"in": ["c"], "out": [3]}), "answers.json")
        mlflow.log_dict({"a": {"b": 1}}, "deep/er/a.yaml")
        mlflow.log_input(mlflow.data.from_numpy(x, targets=y), context="training")
        with tempfile.NamedTemporaryFile("w", suffix=".bin") as file:
            file.write("x" * 100_000)
            file.flush()
            mlflow.log_artifact(file.name, "files")
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


def log_at_once(url: str) -> None:
    """Nested runs, threads and processes, all into one parent."""
    client = mlflow.MlflowClient()
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
        with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
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


def main(url: str) -> None:
    """All of it."""
    mlflow.set_tracking_uri(url)
    mlflow.set_experiment(f"study {mlflow.__version__}")
    search_the_best()
    log_and_load()
    log_at_once(url)
    frame = mlflow.search_runs(search_all_experiments=True, filter_string="metrics.f1 > 0.4")
    assert frame["tags.mlflow.runName"].tolist().count("by hand") >= 1


if __name__ == "__main__":
    main(sys.argv[1])
