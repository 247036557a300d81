"""Small stores of MLflow: one in an SQLite file, and one in folders that the real client writes."""

import sqlite3
import subprocess
from pathlib import Path

CLIENT = Path(__file__).parents[2] / "build" / "clients" / "mlflow3" / "bin" / "python"

TABLES = """
CREATE TABLE experiments (experiment_id, name, artifact_location, lifecycle_stage, creation_time,
  last_update_time);
CREATE TABLE experiment_tags (key, value, experiment_id);
CREATE TABLE runs (run_uuid, name, user_id, status, start_time, end_time, lifecycle_stage, artifact_uri,
  experiment_id);
CREATE TABLE params (key, value, run_uuid);
CREATE TABLE tags (key, value, run_uuid);
CREATE TABLE metrics (key, value, timestamp, run_uuid, step, is_nan);
CREATE TABLE registered_models (name, creation_time, last_updated_time, description);
CREATE TABLE registered_model_tags (key, value, name);
CREATE TABLE registered_model_aliases (alias, version, name);
CREATE TABLE model_versions (name, version, creation_time, last_updated_time, description, user_id,
  current_stage, source, run_id, status, run_link);
CREATE TABLE model_version_tags (key, value, name, version);
"""

RUN = "a" * 32
GONE = "b" * 32
ELSEWHERE = "c" * 32
BEGAN_MS = 1_700_000_000_000


def write_database(folder: Path) -> Path:
    """A store as an older `mlflow server` left it, with one run whose files are in a bucket."""
    path = folder / "mlflow.db"
    files = folder / "mlruns" / "7" / RUN / "artifacts" / "plots"
    files.mkdir(parents=True)
    (files / "a.txt").write_text("hello")
    connection = sqlite3.connect(path)
    connection.executescript(TABLES)
    add = connection.execute
    add("INSERT INTO experiments VALUES (0, 'Default', '', 'active', 1, 1)")
    add("INSERT INTO experiments VALUES (7, 'study', '', 'active', ?, ?)", (BEGAN_MS, BEGAN_MS + 5))
    add("INSERT INTO experiment_tags VALUES ('team', 'a', 7)")
    for run, stage, place in (
        (RUN, "active", f"/long/gone/mlruns/7/{RUN}/artifacts"),
        (GONE, "deleted", f"/long/gone/mlruns/7/{GONE}/artifacts"),
        (ELSEWHERE, "active", "s3://bucket/artifacts"),
    ):
        row = (run, "first", "ana", "FINISHED", BEGAN_MS, BEGAN_MS + 9, stage, place)
        add("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, 7)", row)
        add("INSERT INTO params VALUES ('lr', '0.1', ?)", (run,))
        add("INSERT INTO tags VALUES ('mlflow.runName', 'first', ?)", (run,))
        for step in range(5):
            add(
                "INSERT INTO metrics VALUES ('loss', ?, ?, ?, ?, 0)",
                (1 / (1 + step), BEGAN_MS + step, run, step),
            )
        add("INSERT INTO metrics VALUES ('odd', 0, ?, ?, 0, 1)", (BEGAN_MS, run))
    add("INSERT INTO registered_models VALUES ('clf', ?, ?, 'words')", (BEGAN_MS, BEGAN_MS + 1))
    for number, stage in ((1, "Production"), (2, "Deleted_Internal"), (3, "None")):
        source = f"/long/gone/mlruns/7/{RUN}/artifacts/plots"
        row = ("clf", number, BEGAN_MS, BEGAN_MS, "", "ana", stage, source, RUN)
        add("INSERT INTO model_versions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'READY', '')", row)
    add("INSERT INTO registered_model_aliases VALUES ('champion', 3, 'clf')")
    add("INSERT INTO registered_model_aliases VALUES ('production', 1, 'clf')")
    connection.commit()
    connection.close()
    return path


FILL = """
import sys, mlflow
from mlflow.entities import Metric, Param
mlflow.set_tracking_uri(sys.argv[1])
client = mlflow.MlflowClient()
study = client.create_experiment("study", tags={"team": "a"})
with mlflow.start_run(experiment_id=study, run_name="first") as run:
    points = [Metric("loss", 1 / (1 + step), 1700000000000 + step, step) for step in range(30)]
    client.log_batch(run.info.run_id, points + [Metric("odd", float("nan"), 5, 0)], [Param("a/b", "x")])
    mlflow.log_text("hello", "deep/t.txt")
    with mlflow.start_run(experiment_id=study, nested=True) as child:
        mlflow.log_metric("m", 1.5)
client.delete_run(child.info.run_id)
"""


def write_folder(folder: Path) -> Path:
    """A file store, written by the real client."""
    root = folder / "mlruns"
    done = subprocess.run(
        [CLIENT, "-c", FILL, root.as_uri()],
        env={"MLFLOW_ALLOW_FILE_STORE": "true", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return root
