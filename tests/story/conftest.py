"""A whole line on record, event by event, without training anything: stories only read."""

import pytest

from ropeway.core.hashing import digest_bytes
from ropeway.data.events import DatasetArrived
from ropeway.models.events import GateCheck, GateEvaluated, ModelApproved, ModelPromoted, ModelRegistered
from ropeway.serving.log import PredictionLog
from ropeway.testing import MINIMAL_PROJECT, make_workspace
from ropeway.tracking.events import CodeRecord, Harvest, HostRecord, MetricSummary, RunFinished, RunStarted
from ropeway.workspace import Context, operation

DATA = digest_bytes(b"tweets")
CODE = digest_bytes(b"code")


class Line:
    """Builds a project's history; `workspace` acts as Ana, `ben` as Ben."""

    def __init__(self, root):
        self.workspace = make_workspace(root, toml=MINIMAL_PROJECT, files={}, actor="Ana", clock=None)
        self.ben = make_workspace(root, toml=MINIMAL_PROJECT, files={}, actor="Ben", clock=None)

    def close(self):
        self.workspace.close()
        self.ben.close()

    def record(self, event, *, by=None):
        _append(by or self.workspace, verb_of(event), event)

    def data(self, name="tweets", version=DATA, ordinal=1):
        self.record(
            DatasetArrived(
                name=name,
                version=version,
                ordinal=ordinal,
                format="csv",
                rows=4200,
                size_bytes=10,
                columns=[("id", "integer"), ("text", "text")],
                label_columns=[],
                contract=digest_bytes(b"contract"),
                profile=digest_bytes(b"profile"),
                broken=0,
                checks=[],
                source="tweets.csv",
                bringer="Ana",
                violations=None,
                examples=None,
            )
        )

    def run(self, run="run_aaaa", figure=0.61, inputs=(f"dataset:tweets@{DATA}",)):
        self.record(
            RunStarted(
                run=run,
                kind="pipeline",
                name=None,
                params={"c": 5.0},
                tags=None,
                argv=None,
                hostname=None,
                inputs=list(inputs),
                parent=None,
                code=CodeRecord(tree=CODE, commit="abcdef0123456789", is_dirty=True),
                environment=digest_bytes(b"environment"),
                host=HostRecord(system="Linux", machine="x86_64", cores=2, memory_bytes=1),
            )
        )
        self.record(
            RunFinished(
                run=run,
                status="finished",
                harvest=Harvest(
                    metrics={"macro_f1": MetricSummary(last=figure, min=figure, max=figure, count=1)}
                ),
                params=None,
                tags=None,
                error_type="",
                error=None,
                wall_s=1.5,
                cpu_s=1.0,
                peak_memory_bytes=1,
            )
        )

    def register(self, number=1, run="run_aaaa"):
        self.record(
            ModelRegistered(
                name="sentiment",
                number=number,
                run=run,
                package=digest_bytes(b"package%d" % number),
                content=digest_bytes(b"content%d" % number),
                source=digest_bytes(b"source"),
                code=CODE,
                datasets=[f"tweets@{DATA}"],
                served="sentiment",
            )
        )

    def gate(self, number=1, *, passed=True):
        says = (
            "macro_f1 0.618, reaches the bar of 0.55" if passed else "macro_f1 0.531, misses the bar of 0.55"
        )
        self.record(
            GateEvaluated(
                name="sentiment",
                number=number,
                passed=passed,
                checks=[GateCheck(name="bar", passed=passed, says=says, figure=0.57, limit=0.55)],
                evidence=digest_bytes(b"evidence%d" % number),
                dataset=f"tweets@{DATA}",
                split=digest_bytes(b"split"),
                test_part=digest_bytes(b"part"),
                test_set=digest_bytes(b"set"),
                look=1,
                champion=None,
            )
        )

    def release(self, number=1):
        evidence = digest_bytes(b"evidence%d" % number)
        self.record(
            ModelApproved(name="sentiment", number=number, evidence=evidence, self_approved=False, note=None),
            by=self.ben,
        )
        self.record(
            ModelPromoted(
                name="sentiment", number=number, environment="production", replaced=None, note=None
            ),
            by=self.ben,
        )

    def ask(self, text, answer="positive", feedback=None, model="sentiment@1"):
        from ropeway.serving.feedback import give_feedback

        with PredictionLog(self.workspace.home, model="sentiment", environment="production") as log:
            sure = {"positive": 0.83, "negative": 0.17}
            prediction = log.add(model, {"text": text}, answer, sure, at=log.clock.now(), latency_us=1500)
            if feedback:
                give_feedback(log, prediction, feedback, by="Cleo", note="irony")
        return prediction

    def whole(self):
        self.data()
        self.run()
        self.register()
        self.gate()
        self.release()
        return self


def verb_of(event):
    from ropeway.ledger.event import TYPES_BY_CLASS

    return TYPES_BY_CLASS[type(event)].verb


_WAITING = []


@operation("test.append", kind="command", permission="test:write")
def _append_waiting(context: Context) -> None:
    # Past the rule that objects are there first: stories are told of events alone.
    context.begin().append(_WAITING.pop(), actor=context.actor)


def _append(workspace, _verb, event):
    _WAITING.append(event)
    _append_waiting(workspace)


@pytest.fixture
def line(tmp_path):
    made = Line(tmp_path / "line")
    yield made
    made.close()
