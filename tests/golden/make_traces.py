"""Makes the golden ledger of traces: exports of spans, traces described, changed, judged, linked, removed.

Run once for a released format, never again for the same one:

    python -m tests.golden.make_traces tests/golden/format-3-traces
"""

import json
import sqlite3
import sys
import tempfile
from pathlib import Path

import msgspec
from tests.golden.make import TOML, told
from tests.mlflow.trace_calls import FIRST, SECOND, T1, T2, span

from ropeway.testing import FixedClock, make_workspace
from ropeway.tracking.afar import operations as afar
from ropeway.tracking.traces import operations as traces
from ropeway.tracking.traces.otlp import read_export
from ropeway.tracking.traces.records import TraceInfo
from ropeway.workspace import LocalWorkspace, rooms

BEGAN_MS = 1_700_000_000_000


def walk(workspace: LocalWorkspace) -> None:
    """Everything that can happen to a trace, once."""
    run = afar.open_run(workspace, experiment="0", kind="mlflow", name="r", started_ms=BEGAN_MS)
    words = {"mlflow.spanType": "LLM", "user.id": "ana", "session.id": "s"}
    child = span(FIRST, 2, "ask", parent=1, attributes=words, status={"code": 2})
    root = span(FIRST, 1, "chat", attributes={"mlflow.spanInputs": '{"q": 1}', "mlflow.traceTag.a": "1"})
    for some in ([child], [root, span(SECOND, 1, "other")]):
        body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": some}]}]}).encode()
        export = workspace.store.put(read_export(body, is_json=True).data)
        traces.record_spans(workspace, experiment="0", export=export)
    traces.describe_trace(
        workspace,
        trace=T1,
        experiment="0",
        began_ms=BEGAN_MS,
        duration_ms=7,
        state="ok",
        client_request="c",
        request="in",
        response="out",
        tags={"mlflow.traceName": "named", "b": "2"},
        metadata={"mlflow.sourceRun": run.hex},
    )
    traces.change_trace(workspace, trace=T1, tags={"c": "3"}, untagged=["b"])
    traces.assess_trace(workspace, trace=T1, assessment="a-1", kind="feedback", said='{"feedback":{}}')
    traces.assess_trace(workspace, trace=T1, assessment="a-2", kind="issue", said="{}")
    traces.unassess_trace(workspace, trace=T1, assessment="a-2")
    traces.link_traces(workspace, run=run.hex, traces=[T1, T2])
    traces.remove_traces(workspace, experiment="0", traces=[T2])


def traces_told(workspace: LocalWorkspace) -> list[TraceInfo]:
    """What the ledger says of its traces; their spans are in the store, which is not kept."""
    return traces.find_traces(workspace).traces


def main(target: Path) -> None:
    """Make the golden ledger in a folder that must not exist yet."""
    rooms.load_operations()
    target.mkdir(parents=True)
    with tempfile.TemporaryDirectory(prefix="traces-") as scratch:
        with make_workspace(Path(scratch) / "here", toml=TOML, clock=FixedClock()) as here:
            walk(here)
            said = json.dumps(told(here), indent=1) + "\n"
            (target / "expected.json").write_text(said, encoding="utf-8")
            (target / "traces.json").write_bytes(msgspec.json.format(msgspec.json.encode(traces_told(here))))
        plain = sqlite3.connect(Path(scratch) / "here" / ".ropeway" / "ledger.db")
        plain.execute("VACUUM INTO ?", (str(target / "ledger.db"),))
        plain.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
