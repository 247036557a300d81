"""The whole line typed by two people whose project keeps its ledger in PostgreSQL."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.postgres import PostgresServer

TOML = """
[project]
name = "halves"
[workspace]
ledger = "{ledger}"
[gate]
min_rows = 5
[charter]
metric = "accuracy"
bar = 0.5
[inputs.rows]
dataset = "numbers"
target = "label"
"""

PIPELINE = """
import polars as pl

from ropeway import fit, step


@fit
def limit(rows, target, *, at: float = 30.0):
    return {"at": at}


@step(serve=True)
def half(rows, limit):
    high = (rows["x"] >= limit["at"]).cast(pl.Float64)
    return pl.DataFrame({"low": 1 - high, "high": high})
"""


def typed(folder: Path, *words: str, by: str = "ana", code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "ropeway.cli.main", *words, "--as", by],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "NO_COLOR": "1"},
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.slow
def test_the_whole_line_runs_on_postgresql_and_comes_back_to_a_file(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    ledger = postgres.schema()
    (tmp_path / "ropeway.toml").write_text(TOML.format(ledger=ledger))
    (tmp_path / "pipeline.py").write_text(PIPELINE)
    rows = "".join(f"{row},{row / 4},{'high' if row >= 120 else 'low'}\n" for row in range(240))
    (tmp_path / "numbers.csv").write_text("id,x,label\n" + rows)
    typed(tmp_path, "data", "add", "numbers.csv", "--name", "numbers", "--key", "id")
    typed(tmp_path, "run")
    typed(tmp_path, "model", "register")
    typed(tmp_path, "gate", "halves@1")
    typed(tmp_path, "model", "approve", "halves@1", by="ben")
    typed(tmp_path, "model", "promote", "halves@1")
    told = typed(tmp_path, "why", "halves@1")
    assert "numbers@v1" in told
    assert not (tmp_path / ".ropeway" / "ledger.db").exists()
    assert "sound" in typed(tmp_path, "fsck")
    history = typed(tmp_path, "log", "--json")
    typed(tmp_path, "ledger", "move", "--to", "sqlite")
    assert "error[ledger-moved]" in typed(tmp_path, "log", code=3)
    (tmp_path / "ropeway.toml").write_text(TOML.format(ledger=""))
    assert typed(tmp_path, "why", "halves@1") == told
    assert typed(tmp_path, "log", "--json") == history
