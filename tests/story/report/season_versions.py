"""What a history is written with: people, a clock, and how versions come to be. No model is trained."""

from datetime import UTC, datetime, timedelta

from ropeway.core.hashing import digest_bytes
from ropeway.data.events import DatasetArrived
from ropeway.ledger.event import TYPES_BY_CLASS
from ropeway.models.events import GateCheck, GateEvaluated, ModelApproved, ModelPromoted, ModelRegistered
from ropeway.testing import FixedClock, make_workspace
from ropeway.tracking.events import CodeRecord, Harvest, HostRecord, MetricSummary, RunFinished, RunStarted
from ropeway.workspace import Context, operation

TOML = """
[project]
name = "sentiment"
[charter]
metric = "macro_f1"
bar = 0.55
[inputs.rows]
dataset = "tweets"
"""
START = datetime(2026, 5, 4, 8, tzinfo=UTC)
DAY = timedelta(days=1)
MODEL, PRODUCTION = "sentiment", "production"
CLASSES = ("negative", "neutral", "positive")
DIGEST = {name: digest_bytes(name.encode()) for name in ("tweets", "tweets2", "code", "split", "part", "set")}


@operation("test.append-season", kind="command", permission="test:write")
def _append(context: Context) -> None:
    # Past the rule that objects are there first: stories are told of events alone.
    context.begin().append(_WAITING.pop(), actor=context.actor)


_WAITING = []


class Chronicle:
    """Writes a history; `ana` proposes, `ben` approves, `controller` does what the policy says."""

    def __init__(self, root, toml=TOML):
        self.clock = FixedClock(START)
        make = {"toml": toml, "files": {}, "clock": self.clock}
        self.ana = make_workspace(root, actor="Ana", **make)
        self.ben = make_workspace(root, actor="Ben", **make)
        self.controller = make_workspace(root, actor="controller", **make)
        self.workspace = self.ana
        self.days = 0
        self.reference = None

    def close(self):
        for workspace in (self.ana, self.ben, self.controller):
            workspace.close()

    def record(self, event, by=None):
        assert type(event) in TYPES_BY_CLASS
        _WAITING.append(event)
        _append(by or self.controller)

    def pass_days(self, days):
        self.clock.advance(seconds=days * 86_400)

    def data(self, key="tweets", ordinal=1, rows=4200, source="tweets.csv", by=None):
        self.record(
            DatasetArrived(
                name="tweets",
                version=DIGEST[key],
                ordinal=ordinal,
                format="csv",
                rows=rows,
                size_bytes=10,
                columns=[("id", "integer"), ("text", "text")],
                label_columns=[],
                contract=digest_bytes(b"contract"),
                profile=digest_bytes(b"profile"),
                broken=0,
                checks=[],
                source=source,
                bringer="Ana",
                violations=None,
                examples=None,
            ),
            by or self.ana,
        )

    def run(self, run, figure, data="tweets", by=None):
        by = by or self.ana
        self.record(
            RunStarted(
                run=run,
                kind="pipeline",
                name=None,
                params={"c": 5.0},
                tags=None,
                argv=None,
                hostname=None,
                inputs=[f"dataset:tweets@{DIGEST[data]}"],
                parent=None,
                code=CodeRecord(tree=DIGEST["code"], commit="abcdef0123456789", is_dirty=False),
                environment=digest_bytes(b"environment"),
                host=HostRecord(system="Linux", machine="x86_64", cores=2, memory_bytes=1),
            ),
            by,
        )
        metrics = {"macro_f1": MetricSummary(last=figure, min=figure, max=figure, count=1)}
        self.record(
            RunFinished(
                run=run,
                status="finished",
                harvest=Harvest(metrics=metrics),
                params=None,
                tags=None,
                error_type="",
                error=None,
                wall_s=1.5,
                cpu_s=1.0,
                peak_memory_bytes=1,
            ),
            by,
        )

    def register(self, number, run, data="tweets", by=None):
        self.record(
            ModelRegistered(
                name=MODEL,
                number=number,
                run=run,
                package=digest_bytes(b"package%d" % number),
                content=digest_bytes(b"content%d" % number),
                source=digest_bytes(b"source"),
                code=DIGEST["code"],
                datasets=[f"tweets@{DIGEST[data]}"],
                served="sentiment",
            ),
            by or self.ana,
        )

    def gate(self, number, figure=0.57, data="tweets", champion=None, by=None):
        says = f"macro_f1 0.618, reaches the bar of 0.55 ({figure:.3f} at 95 %)"
        self.record(
            GateEvaluated(
                name=MODEL,
                number=number,
                passed=True,
                checks=[GateCheck(name="bar", passed=True, says=says, figure=figure, limit=0.55)],
                evidence=digest_bytes(b"evidence%d" % number),
                dataset=f"tweets@{DIGEST[data]}",
                split=DIGEST["split"],
                test_part=DIGEST["part"],
                test_set=DIGEST["set"],
                look=number,
                champion=champion,
            ),
            by or self.ana,
        )

    def promote(self, number, replaced=None, by=None, note=None):
        self.record(
            ModelPromoted(name=MODEL, number=number, environment=PRODUCTION, replaced=replaced, note=note),
            by or self.ben,
        )

    def first_release(self):
        self.data()
        self.run("run_aaaa", 0.61)
        self.register(1, "run_aaaa")
        self.gate(1)
        evidence = digest_bytes(b"evidence1")
        self.record(
            ModelApproved(name=MODEL, number=1, evidence=evidence, self_approved=False, note=None), self.ben
        )
        self.promote(1)
        return self
