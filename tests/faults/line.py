"""A small real project that needs no scikit-learn: notes with ratings, a word counter that learns, a charter.

`lay` makes the project as far as an operation under fault needs it; what it does is done without faults.
"""

import random
from pathlib import Path

from ropeway.data.add import add
from ropeway.models.gate import GateReport
from ropeway.models.operations import approve_model, gate_model, promote_model
from ropeway.models.register import register
from ropeway.models.registry import ModelVersion
from ropeway.pipelines.run import run_pipeline
from ropeway.testing import make_workspace
from ropeway.workspace import LocalWorkspace

NOTES = 240
TOML = """
[project]
name = "mood"
approval = "self"
[charter]
metric = "macro_f1"
bar = 0.3
[inputs.rows]
dataset = "notes"
key = "id"
target = "mood"
[gate]
bootstrap = 100
[labels.tone]
dataset = "rated"
guide = "guides/tone.md"
ratings = "ratings"
scale = "interval"
aggregate = "mean"
cutoffs = [{ upto = -0.5, label = "bad" }, { below = 0.5, label = "flat" }, { label = "good" }]
snapshot = "tones"
keep = ["text"]
"""
PIPELINE = """
import polars as pl

from ropeway import fit, step


@fit
def words(rows, target, *, mark: str = ""):
    counts = {"mark": mark}
    for text, mood in zip(rows["text"], target, strict=True):
        for word in text.split():
            counts[word] = counts.get(word, 0) + (1 if mood == "good" else -1)
    return counts


@step(serve=True)
def mood(words, rows):
    sums = [sum(words.get(word, 0) for word in text.split()) for text in rows["text"]]
    good = [0.9 if found > 0 else 0.1 for found in sums]
    return pl.DataFrame({"bad": [1 - share for share in good], "good": good})
"""
FILES = {"pipeline.py": PIPELINE, "guides/tone.md": "# Tone\nHow does the writer feel?\n"}


def lay(root: Path) -> None:
    """A project with its notes."""
    with make_workspace(root, toml=TOML, files=FILES) as workspace:
        path = root.parent / "notes.csv"
        path.write_text("id,text,mood\n" + "".join(_notes()), encoding="utf-8")
        add(workspace, path, name="notes", key=["id"])


def learn(workspace: LocalWorkspace, mark: str) -> ModelVersion:
    """A run that learns something nobody learnt before, registered."""
    run = run_pipeline(workspace, overrides={"mark": mark})
    return register(workspace, run.run)


def pass_gate(workspace: LocalWorkspace, ref: str) -> GateReport:
    """The gate's report, which this project is made to pass."""
    report = gate_model(workspace, ref=ref)
    assert report.passed, [check.says for check in report.checks if not check.passed]
    return report


def make_live(workspace: LocalWorkspace, mark: str) -> ModelVersion:
    """A new version, the whole way."""
    version = learn(workspace, mark)
    pass_gate(workspace, version.ref)
    approve_model(workspace, ref=version.ref)
    return promote_model(workspace, ref=version.ref)


def _notes() -> list[str]:
    draw = random.Random(0)
    lines = []
    for number in range(NOTES):
        mood = draw.choice(["good", "bad"])
        own = {"good": "fine glad warm kind", "bad": "sad grey cold mean"}[mood].split()
        words = [*draw.choices(own, k=3), *draw.choices(["day", "sea", "road", "tree"], k=4), f"n{number}"]
        lines.append(f"{number},{' '.join(words)},{mood}\n")
    return lines
