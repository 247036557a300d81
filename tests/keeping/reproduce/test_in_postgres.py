"""A run done again beside a workspace that has its ledger in PostgreSQL: nothing of it gets in there."""

from pathlib import Path

import pytest
from tests.keeping.reproduce.halves import TOML, lay_halves
from tests.postgres import PostgresServer

from ropeway.keeping.reproduce.reproduce import reproduce
from ropeway.models.register import register
from ropeway.pipelines.run import run_pipeline
from ropeway.workspace import LocalWorkspace
from ropeway.workspace.operations import list_events


def told(halves: LocalWorkspace) -> list[str]:
    return [each.verb for each in list_events(halves, limit=1_000)]


def test_the_verdict_is_all_that_a_run_and_a_model_done_again_leave(
    tmp_path: Path, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Both the project file, which the folder of the new run has too, and the environment name the ledger.
    ledger = postgres.schema()
    monkeypatch.setenv("ROPEWAY_LEDGER", ledger)
    toml = f'{TOML}\n[workspace]\nledger = "{ledger}"\n'
    with lay_halves(tmp_path / "halves", learnt="0.0", toml=toml) as halves:
        run = run_pipeline(halves).run
        version = register(halves)
        before = told(halves)
        for ref, model in ((run, ""), (version.ref, version.ref)):
            found = reproduce(halves, ref)
            assert (found.verdict, found.run, found.model) == ("identical", run, model)
        after = told(halves)
    assert len(before) > 5
    assert sorted(after) == sorted([*before, "run-reproduced", "run-reproduced"])
    assert not (tmp_path / "halves" / ".ropeway" / "ledger.db").exists()
