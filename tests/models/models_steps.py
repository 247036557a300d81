"""The steps of a version's way that tests take again and again."""

from tests.on_postgres import placed

from ropeway.models.events import GateCheck
from ropeway.models.gate import GateReport
from ropeway.models.operations import approve_model, gate_model, promote_model
from ropeway.models.register import register
from ropeway.pipelines.run import run_pipeline
from ropeway.workspace import LocalWorkspace


def by_name(report: GateReport) -> dict[str, GateCheck]:
    return {check.name: check for check in report.checks}


def proposed(workspace: LocalWorkspace, **overrides: object) -> str:
    run_pipeline(workspace, overrides=overrides)
    return register(workspace).ref


def put_live(workspace: LocalWorkspace, ref: str) -> None:
    """Through the gate and into production; somebody else approves."""
    assert gate_model(workspace, ref=ref).passed
    with LocalWorkspace(workspace.root, actor="ben") as ben:
        approve_model(ben, ref=ref)
        promote_model(ben, ref=ref)


def rewrite(workspace: LocalWorkspace, toml: str, **files: str) -> None:
    for name, text in {"ropeway.toml": placed(workspace.root, toml), **files}.items():
        (workspace.root / name).write_text(text)
