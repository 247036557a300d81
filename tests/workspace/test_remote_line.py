"""The whole line from afar, by one person and by two, with the events that it leaves locally."""

import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from models_projects import HALVES_PIPELINE, HALVES_TOML

from ropeway.core.errors import Unavailable
from ropeway.data.add import add
from ropeway.models.errors import EvidenceDiffers, FourEyes
from ropeway.models.gate import examine
from ropeway.models.operations import approve_model, gate_model, get_model, promote_model, record_gate
from ropeway.models.register import register
from ropeway.pipelines import run
from ropeway.pipelines.records import StepEvent
from ropeway.pipelines.run import run_pipeline
from ropeway.story.operations import status, why
from ropeway.testing import make_workspace
from ropeway.tracking.resolve import resolve_run
from ropeway.workspace import LocalWorkspace, OpenWorkspace
from ropeway.workspace.operations import HistoryItem, list_events

Caller = Callable[..., OpenWorkspace]
FILES = {"pipeline.py": HALVES_PIPELINE.format("low", "high")}
ROWS = ["id,x,label", *(f"{row},{row / 4},{'low' if row < 120 else 'high'}" for row in range(240))]


def propose(workspace: OpenWorkspace) -> str:
    """Data, run, registered version, gate."""
    data = workspace.root / "numbers.csv"
    data.write_text("\n".join(ROWS) + "\n")
    add(workspace, data, name="numbers")
    run_pipeline(workspace)
    ref = register(workspace).ref
    assert gate_model(workspace, ref=ref).passed
    return ref


def release(workspace: OpenWorkspace, ref: str) -> None:
    approve_model(workspace, ref=ref, note="seen")
    promote_model(workspace, ref=ref)


def told(items: list[HistoryItem]) -> list[tuple[str, str, str, list[str]]]:
    """What happened, without ids and times that are drawn anew."""
    return [(each.verb, each.subject.split(":")[0], each.by, sorted(each.body)) for each in items]


@pytest.mark.slow
def test_two_people_from_two_folders_leave_the_events_of_one_folder(serve, caller: Caller, tmp_path: Path):
    server = serve(HALVES_TOML)
    ana = caller(server.url, "ana", toml=HALVES_TOML, **FILES)
    ben = caller(server.url, "ben", toml=HALVES_TOML)
    ref = propose(ana)
    with pytest.raises(FourEyes):
        approve_model(ana, ref=ref)
    release(ben, ref)
    with make_workspace(tmp_path / "local", toml=HALVES_TOML, files=FILES) as here:
        release(LocalWorkspace(here.root, actor="ben"), propose(here))
        assert told(list_events(ben, limit=1000)) == told(list_events(here, limit=1000))
        assert get_model(ben, ref=ref).version.content == get_model(here, ref=ref).version.content
        assert why(ben, ref=ref).thing.title == why(here, ref=ref).thing.title
    assert status(ben).live[0].ref == ref
    assert not list(server.root.glob("*.py")), "the server has none of the project's code"


@pytest.mark.slow
def test_a_run_outlives_a_restart_of_its_server_and_is_resumed_where_that_stays_away(
    serve, caller: Caller, monkeypatch: pytest.MonkeyPatch
):
    server = serve(HALVES_TOML)
    ana = caller(server.url, toml=HALVES_TOML, **FILES)
    (ana.root / "numbers.csv").write_text("\n".join(ROWS) + "\n")
    add(ana, ana.root / "numbers.csv", name="numbers")
    seen: list[StepEvent] = []

    def kill(event: StepEvent) -> None:
        seen.append(event)
        if len(seen) == 1:
            server.kill()

    def restart(event: StepEvent) -> None:
        kill(event)
        if len(seen) == 1:
            threading.Timer(1.0, server.start).start()

    done = run_pipeline(ana, progress=restart)
    assert resolve_run(ana, done.run).status == "finished"
    seen.clear()
    monkeypatch.setattr(run, "RESTART_S", 0.3)
    with pytest.raises(Unavailable, match="does not answer") as told:
        run_pipeline(ana, force=True, progress=kill)
    assert told.value.next_step.startswith("ropeway run   once it answers")
    server.start()
    assert {step.state for step in run_pipeline(ana).steps} == {"cached"}


@pytest.mark.slow
def test_evidence_that_the_data_does_not_bear_out_is_refused(serve, caller: Caller):
    ana = caller(serve(HALVES_TOML).url, toml=HALVES_TOML, **FILES)
    ref = propose(ana)
    _, honest = examine(ana, ref)
    seen = msgspec.json.decode(ana.store.read(honest))
    lies = {
        "truth": [seen["truth"][-1], *seen["truth"][1:]],
        "keys": seen["keys"][::-1],
        "settings": {**seen["settings"], "bar": 0.1},
        "checks": seen["checks"][1:],
        "content": "0" * 64,
        "predictions": {name: [0.5] * len(of) for name, of in seen["predictions"].items()},
    }
    assert seen["truth"][0] != lies["truth"][0]
    for name, lie in lies.items():
        changed = ana.store.put(msgspec.json.encode({**seen, name: lie}))
        with pytest.raises(EvidenceDiffers):
            record_gate(ana, ref=ref, evidence=changed)
    assert record_gate(ana, ref=ref, evidence=honest).look == 2
