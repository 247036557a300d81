"""Evidently's drift of two Parquet files, run in its own environment: prints seconds as JSON."""

import json
import statistics
import sys
import time
import warnings

import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset

warnings.filterwarnings("ignore")


def main(before: str, after: str, times: int) -> None:
    """Time both ways: its own choice of methods, and the tests that ours makes."""
    frames = [pd.read_parquet(each) for each in (before, after)]
    numbers = [name for name in frames[0] if name.startswith("n")]
    definition = DataDefinition(
        numerical_columns=numbers, categorical_columns=[name for name in frames[0] if name not in numbers]
    )
    reference, current = (Dataset.from_pandas(frame, data_definition=definition) for frame in frames)
    ways = {"its choice": {}, "ks, chi-square": {"num_method": "ks", "cat_method": "chisquare"}}
    taken = {}
    for name, terms in ways.items():
        runs = []
        for _ in range(times + 1):
            began = time.perf_counter()
            Report([DataDriftPreset(**terms)]).run(current, reference).dict()
            runs.append(time.perf_counter() - began)
        # The first is the warm-up, as ours has one.
        taken[name] = statistics.median(runs[1:])
    print(json.dumps(taken))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
