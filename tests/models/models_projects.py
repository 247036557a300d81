"""Small real projects: a binary one (breast cancer), a regression (diabetes), a text one made of words."""

import random
from collections.abc import Callable
from pathlib import Path

import polars as pl
from sklearn.datasets import load_breast_cancer, load_diabetes

from ropeway.data.add import add
from ropeway.workspace import LocalWorkspace

MakeProject = Callable[..., LocalWorkspace]

CANCER_TOML = """
[project]
name = "tumour"
[charter]
decision = "which patients are called back"
metric = "balanced_accuracy"
bar = 0.85
[charter.cost.malignant]
benign = 10.0
[charter.cost.benign]
malignant = 1.0
[inputs.rows]
dataset = "cells"
key = "id"
target = "diagnosis"
"""

CANCER_PIPELINE = """
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ropeway import fit, probabilities, step

COLUMNS = ["mean_radius", "mean_texture", "mean_smoothness", "mean_concavity"]


@step
def features(rows):
    return rows.select(COLUMNS).to_numpy()


@fit
def classifier(features, target, *, c: float = 1.0):
    model = make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=500))
    return model.fit(features, target.to_numpy())


@step(serve=True)
def diagnosis(classifier, features):
    return probabilities(classifier, features)
"""

DIABETES_TOML = """
[project]
name = "progression"
approval = "self"
[charter]
metric = "rmse"
bar = 70.0
[inputs.rows]
dataset = "patients"
key = "id"
target = "progression"
"""

DIABETES_PIPELINE = """
import polars as pl
from sklearn.linear_model import Ridge

from ropeway import fit, step

COLUMNS = ["bmi", "bp", "s5"]


@fit
def ridge(rows, target, *, alpha: float = 0.1):
    return Ridge(alpha=alpha).fit(rows.select(COLUMNS).to_numpy(), target.to_numpy())


@step(serve=True)
def progression(ridge, rows):
    return pl.DataFrame({"prediction": ridge.predict(rows.select(COLUMNS).to_numpy())})
"""

WORDS_TOML = """
[project]
name = "mood"
[charter]
metric = "macro_f1"
bar = 0.5
[inputs.rows]
dataset = "notes"
key = "id"
target = "mood"
[split]
near_duplicates = ["text"]
"""

WORDS_PIPELINE = """
import polars as pl

from ropeway import fit, step


@fit
def words(rows, target, *, least: int = 1):
    counts = {}
    for text, mood in zip(rows["text"], target, strict=True):
        for word in text.split():
            seen = counts.setdefault(word, {"good": 0, "bad": 0})
            seen[mood] += 1
    return {word: seen for word, seen in counts.items() if sum(seen.values()) >= least}


@step(serve=True)
def mood(words, rows):
    scores = []
    for text in rows["text"]:
        good = sum(words.get(word, {}).get("good", 0) for word in text.split())
        bad = sum(words.get(word, {}).get("bad", 0) for word in text.split())
        scores.append((1 + good) / (2 + good + bad))
    return pl.DataFrame({"bad": [1 - score for score in scores], "good": scores})
"""

HALVES_TOML = """
[project]
name = "halves"
[gate]
min_rows = 5
[charter]
metric = "accuracy"
bar = 0.0
confidence = 0.9
[inputs.rows]
dataset = "numbers"
key = "id"
target = "label"
[environments.production]
[environments.staging]
"""

HALVES_PIPELINE = """
import polars as pl

from ropeway import fit, step


@fit
def limit(rows, target, *, flip: bool = False):
    return {{"flip": flip}}


@step(serve=True)
def half(rows, limit):
    high = (rows["x"] >= 30.0).cast(pl.Float64)
    if limit["flip"]:
        high = 1 - high
    return pl.DataFrame({{"{0}": 1 - high, "{1}": high}})
"""


def halves(
    project: MakeProject,
    *,
    names: tuple[str, str] = ("low", "high"),
    labels: tuple[object, object] = ("low", "high"),
    toml: str = HALVES_TOML,
) -> LocalWorkspace:
    """240 numbers that fall into two halves; with `flip` the model is wrong about every one."""
    workspace = project(toml, **{"pipeline.py": HALVES_PIPELINE.format(*names)})
    frame = pl.DataFrame({"x": [row / 4 for row in range(240)]})
    return bring(
        workspace, frame.with_columns(label=pl.Series([labels[row >= 120] for row in range(240)])), "numbers"
    )


def cancer(
    project: MakeProject, *, pipeline: str = CANCER_PIPELINE, toml: str = CANCER_TOML
) -> LocalWorkspace:
    workspace = project(toml, **{"pipeline.py": pipeline})
    data = load_breast_cancer()
    names = [str(name).replace(" ", "_") for name in data.feature_names]
    frame = pl.DataFrame(dict(zip(names, data.data.T, strict=True)))
    kinds = pl.Series("diagnosis", [str(data.target_names[code]) for code in data.target])
    return bring(workspace, frame.with_columns(kinds), "cells")


def diabetes(project: MakeProject, *, pipeline: str = DIABETES_PIPELINE) -> LocalWorkspace:
    workspace = project(DIABETES_TOML, **{"pipeline.py": pipeline})
    data = load_diabetes()
    frame = pl.DataFrame(dict(zip(data.feature_names, data.data.T, strict=True)))
    return bring(workspace, frame.with_columns(pl.Series("progression", data.target)), "patients")


def notes(
    project: MakeProject, *, pipeline: str = WORDS_PIPELINE, toml: str = WORDS_TOML, rows: int = 300
) -> LocalWorkspace:
    workspace = project(toml, **{"pipeline.py": pipeline})
    return bring(workspace, written(rows), "notes")


def written(rows: int, *, seed: int = 0) -> pl.DataFrame:
    """Short notes whose words lean one way; one in five is misjudged."""
    draw = random.Random(seed)
    texts, moods = [], []
    for _ in range(rows):
        mood = draw.choice(["good", "bad"])
        own = {"good": "fine glad warm kind", "bad": "sad grey cold mean"}[mood].split()
        texts.append(
            " ".join([*draw.choices(own, k=3), *draw.choices(["day", "sea", "road", "note", "tree"], k=4)])
        )
        moods.append(mood if draw.random() < 0.8 else draw.choice(["good", "bad"]))
    return pl.DataFrame({"text": texts, "mood": moods})


def bring(workspace: LocalWorkspace, frame: pl.DataFrame, name: str, *, file: str = "csv") -> LocalWorkspace:
    """Add a frame as a dataset, with a column `id`."""
    path = Path(workspace.root) / f"{name}.{file}"
    rows = frame.with_row_index("id")
    rows.write_csv(path) if file == "csv" else rows.write_parquet(path)
    add(workspace, path, name=name, key=["id"])
    return workspace
