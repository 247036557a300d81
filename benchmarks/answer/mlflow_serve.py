"""The same model in mlflow, run by mlflow's own interpreter: `python mlflow_serve.py FOLDER PORT`.

FOLDER holds `rows.json`, texts and labels. Trains, saves, and becomes `mlflow models serve`.
"""

import json
import os
import sys
from pathlib import Path

import mlflow.sklearn
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

folder, port = Path(sys.argv[1]), sys.argv[2]
rows = json.loads((folder / "rows.json").read_text())
model = make_pipeline(
    TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, max_features=20_000),
    LogisticRegression(C=5.0, class_weight="balanced", max_iter=1000),
)
model.fit(rows["text"], rows["label"])
mlflow.sklearn.save_model(model, str(folder / "model"), pyfunc_predict_fn="predict_proba")
command = str(Path(sys.executable).with_name("mlflow"))
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
os.execv(
    command,
    [
        command,
        "models",
        "serve",
        "-m",
        str(folder / "model"),
        "-p",
        port,
        "-h",
        "127.0.0.1",
        "--env-manager",
        "local",
    ],
)
