"""A history in MLflow's own store, read by its own interpreter as its server does: prints milliseconds.

INTERPRETER_WITH_MLFLOW mlflow_history.py FOLDER POINTS TIMES
"""

import statistics
import sys
import time

from mlflow.store.tracking.dbmodels.models import SqlMetric
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

AT_ONCE = 10_000


def main() -> None:
    """Fill a run and read it."""
    folder, count, times = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    store = SqlAlchemyStore(f"sqlite:///{folder}/mlflow.db", folder)
    run = store.create_run("0", "ana", 0, [], "long").info.run_id
    point = {"run_uuid": run, "key": "loss", "is_nan": False}
    with store.ManagedSessionMaker() as session:
        for first in range(0, count, AT_ONCE):
            steps = range(first, min(first + AT_ONCE, count))
            rows = [{**point, "value": 1 / (step + 1), "step": step, "timestamp": step} for step in steps]
            session.bulk_insert_mappings(SqlMetric, rows)
    taken = []
    for _ in range(times + 1):
        began = time.perf_counter()
        found = store.get_metric_history(run, "loss")
        taken.append((time.perf_counter() - began) * 1e3)
        assert len(found) == count
    sys.stdout.write(str(statistics.median(taken[1:])))


if __name__ == "__main__":
    main()
