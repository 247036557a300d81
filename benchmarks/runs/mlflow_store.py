"""MLflow's own store with as many runs, searched by its own interpreter: prints milliseconds as JSON.

    INTERPRETER_WITH_MLFLOW mlflow_store.py FOLDER COUNT TIMES FILTER ORDER [FILTER ORDER …]

The rows go in through its own tables in bulk; searched is as its server does, the first hundred of them.
"""

import json
import random
import statistics
import sys
import time

from mlflow.entities import ViewType
from mlflow.store.tracking.dbmodels.models import SqlLatestMetric, SqlParam, SqlRun
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

KEYS = 10


def main() -> None:
    """Fill a store and search it."""
    folder, count, times, *asked = sys.argv[1:]
    store = SqlAlchemyStore(f"sqlite:///{folder}/mlflow.db", folder)
    fill(store, int(count))
    taken = {}
    for where, order in zip(asked[::2], asked[1::2], strict=True):
        measured = []
        for _ in range(int(times) + 1):
            began = time.perf_counter()
            store.search_runs(["0"], where, ViewType.ACTIVE_ONLY, max_results=100, order_by=[order])
            measured.append((time.perf_counter() - began) * 1e3)
        taken[f"{where} | {order}"] = statistics.median(measured[1:])
    began = time.perf_counter()
    store.search_runs(["0"], None, ViewType.ACTIVE_ONLY, max_results=5_000)
    json.dump({"cells": taken, "all": (time.perf_counter() - began) * 1e3}, sys.stdout)


def fill(store: SqlAlchemyStore, count: int) -> None:
    """The runs of `benchmarks.runs.made`, as rows of its tables."""
    rng = random.Random(11)
    with store.ManagedSessionMaker() as session:
        runs, measured, params = [], [], []
        for number in range(count):
            run = f"{rng.getrandbits(128):032x}"
            began = 1767225600000 + number * 1000
            runs.append({
                "run_uuid": run, "name": f"run {number}", "experiment_id": 0, "user_id": "ana",
                "status": "FINISHED", "start_time": began, "end_time": began + 60_000,
                "lifecycle_stage": "active", "artifact_uri": f"mlflow-artifacts:/0/{run}/artifacts",
                "source_type": "LOCAL", "source_name": "", "entry_point_name": "", "source_version": "",
            })  # fmt: skip
            first = rng.random()
            values = [first, first + rng.random() * 1e-3, -first, *(rng.random() for _ in range(KEYS - 3))]
            point = {"run_uuid": run, "timestamp": 0, "step": 0, "is_nan": False}
            measured += [{**point, "key": f"m{key}", "value": value} for key, value in enumerate(values)]
            texts = [str(number), rng.choice(("adam", "sgd"))]
            texts += [f"{rng.random():.4f}" for _ in range(KEYS - 2)]
            params += [{"run_uuid": run, "key": f"p{key}", "value": text} for key, text in enumerate(texts)]
        session.bulk_insert_mappings(SqlRun, runs)
        session.bulk_insert_mappings(SqlLatestMetric, measured)
        session.bulk_insert_mappings(SqlParam, params)


if __name__ == "__main__":
    main()
