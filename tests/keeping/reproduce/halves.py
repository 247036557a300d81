"""A small project whose pipeline learns a limit: what is reproduced in tests."""

from pathlib import Path

import polars as pl

from ropeway.data.add import add
from ropeway.testing import make_workspace
from ropeway.workspace import LocalWorkspace

TOML = """
[project]
name = "halves"
[charter]
metric = "accuracy"
[inputs.rows]
dataset = "numbers"
target = "half"
[params]
shift = 0.0
"""
PIPELINE = """
import random
import polars as pl
from ropeway import fit, step

@step
def feature(rows):
    return rows["x"]

@fit
def limit(feature, target, *, shift: float = 0.0):
    low = feature.filter(target == "low")
    return {"limit": float(low.max()) + shift + LEARNT}

@step(serve=True)
def half(feature, limit):
    high = pl.Series([1 / (1 + 2.0 ** (limit["limit"] - x)) for x in feature])
    return pl.DataFrame({"high": high, "low": 1 - high})
"""


def lay_halves(root: Path, *, learnt: str, toml: str = TOML) -> LocalWorkspace:
    """The project in a folder, with its data; `learnt` is an expression that is added to what is learnt."""
    workspace = make_workspace(root, toml=toml, files={"pipeline.py": PIPELINE.replace("LEARNT", learnt)})
    xs = [number / 4 for number in range(240)]
    rows = pl.DataFrame({"id": range(240), "x": xs, "half": ["low" if x < 30 else "high" for x in xs]})
    rows.write_csv(root / "numbers.csv")
    add(workspace, root / "numbers.csv", name="numbers")
    return workspace
