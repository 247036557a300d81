"""MLflow's own client at work: `python client.py URL SECONDS`, where there is one; prints JSON."""

import json
import logging
import sys
import time

from mlflow.entities import Metric

from mlflow import MlflowClient

url, seconds = sys.argv[1], float(sys.argv[2])
logging.disable()
client = MlflowClient(tracking_uri=url)
run = client.create_run("0").info.run_id


def rate(work: object) -> float:
    """How often a second, after a warm-up."""
    assert callable(work)
    for number in range(5):
        work(number)
    done, began = 5, time.perf_counter()
    while (taken := time.perf_counter() - began) < seconds:
        work(done)
        done += 1
    return (done - 5) / taken


def one(step: int) -> None:
    client.log_metric(run, "loss", 1.0 / (step + 1), step=step)


def thousand(number: int) -> None:
    at = int(time.time() * 1e3)
    client.log_batch(
        run, [Metric("loss", 1.0 / (step + 1), at, 1000 * number + step) for step in range(1000)]
    )


print(json.dumps({"log_metric": rate(one), "log_batch": 1000 * rate(thousand)}))
