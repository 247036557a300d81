"""A season of production on record: real events, real drift reports, real evidence; no model is trained.

Tweets for some days, then reviews; an alert, a retraining on what people said, a rollout that proves a gain,
and a release of the former version that is rolled back.
"""

import random
from datetime import UTC, datetime, timedelta
from functools import cache

import msgspec
import polars as pl

from ropeway.continuous.retraining.events import (
    FeedbackCollected,
    PolicyPaused,
    RetrainingAdvanced,
    RetrainingEnded,
    RetrainingTriggered,
)
from ropeway.continuous.rollouts.events import (
    Limits,
    RolloutAdvanced,
    RolloutEnded,
    RolloutEvaluated,
    RolloutStarted,
    Summary,
    Terms,
)
from ropeway.continuous.rollouts.evidence import Evidence, Look
from ropeway.continuous.rollouts.guards import Arm as SeenArm
from ropeway.continuous.rollouts.guards import Guarded
from ropeway.core.canonical import canonical
from ropeway.core.hashing import digest_bytes
from ropeway.data.events import DatasetArrived
from ropeway.examples import path as example
from ropeway.ledger.event import TYPES_BY_CLASS
from ropeway.models.events import (
    ApprovedByRule,
    Arm,
    GateCheck,
    GateEvaluated,
    ModelApproved,
    ModelPromoted,
    ModelRegistered,
    TrafficRouted,
)
from ropeway.monitoring.events import (
    AlertRaised,
    AlertResolved,
    Faults,
    PerformanceMeasured,
    RecentPerformanceMeasured,
    WindowObserved,
)
from ropeway.stats.drift.marginal import drift_between
from ropeway.stats.profile import profile
from ropeway.stats.sequential.verdict import Evidence as Weighed
from ropeway.stats.sequential.verdict import Terms as TestTerms
from ropeway.stats.sequential.verdict import decide, follow
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
COST = {
    "negative": {"neutral": 1.0, "positive": 3.0},
    "neutral": {"negative": 1.0, "positive": 1.0},
    "positive": {"negative": 3.0, "neutral": 1.0},
}


@cache
def texts(kind):
    frame = pl.read_parquet(example("tweets") / "data" / f"{kind}.parquet").select("text")
    return frame.sample(fraction=1, shuffle=True, seed=3)["text"].to_list()


def rows_of(kind, start, many, *, seed):
    """Requests with made-up answers: unsure on reviews, as a model of tweets is."""
    draw = random.Random(seed)
    weights = (0.26, 0.17, 0.57) if kind == "tweets" else (0.18, 0.5, 0.32)
    chosen = texts(kind)[start : start + many]
    return pl.DataFrame(
        {
            "text": chosen,
            "channel": [draw.choice(["web", "app"] if kind == "tweets" else ["web", "mail"]) for _ in chosen],
            "prediction": draw.choices(CLASSES, weights, k=len(chosen)),
            "confidence": [min(1.0, draw.betavariate(9, 3 if kind == "tweets" else 6)) for _ in chosen],
        }
    )


@operation("test.append-season", kind="command", permission="test:write")
def _append(context: Context) -> None:
    context.append(_WAITING.pop())


_WAITING = []


class Season:
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

    # --- how versions come to be -------------------------------------------------------------------

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

    # --- what production says ----------------------------------------------------------------------

    def window(self, number, kind, *, rows=180, errors=0, faults=(), at=None, p99=8_400):
        """A day that is over, judged against tweets; gives when it began and ended."""
        if self.reference is None:
            self.reference = profile(rows_of("tweets", 0, 1500, seed=1))
        current = profile(rows_of(kind, (1500 + 180 * self.days) % 2000, rows, seed=100 + self.days))
        report = drift_between(self.reference, current, alpha=0.01, min_effect=0.1)
        start = self.clock.now().replace(hour=0, minute=0) if at is None else at
        self.days += 1
        store = self.ana.store
        self.record(
            WindowObserved(
                name=MODEL,
                number=number,
                environment=PRODUCTION,
                start=start,
                end=start + DAY,
                rows=rows + errors,
                errors=errors,
                latency_p50_us=1_200 + 40 * self.days,
                latency_p99_us=p99 + 300 * (self.days % 4),
                profile=store.put(current.to_bytes(with_vocabularies=False)),
                drift=store.put(canonical(report)),
                drifted=report.drifted,
                effect=max((each.effect for each in report.columns), default=None),
                faults=[
                    Faults(column=column, problem=problem, rows=many) for column, problem, many in faults
                ],
                findings=None,
            )
        )
        return start, start + DAY

    def performance(self, number, start, end, value, *, rows=180, labelled=60, recent=0, estimated=None):
        width = 0.9 / max(labelled, 1) ** 0.5
        known = labelled > 0
        cost = 1.6 * (1 - value)
        estimate = value + 0.03 if estimated is None else estimated
        figures = {
            "name": MODEL,
            "number": number,
            "environment": PRODUCTION,
            "start": start,
            "end": end,
            "rows": rows,
            "labelled": labelled,
            "labels": digest_bytes(f"{number}{start}{labelled}".encode()),
            "metric": "macro_f1",
            "value": value if known else None,
            "low": max(0.0, value - width) if known else None,
            "high": min(1.0, value + width) if known else None,
            "cost": cost if known else None,
            "cost_low": cost - width if known else None,
            "cost_high": cost + width if known else None,
            "estimated": estimate,
            "estimated_low": estimate - 0.02,
            "estimated_high": estimate + 0.02,
        }
        if recent:
            self.record(RecentPerformanceMeasured(**figures, windows=recent))
        else:
            self.record(PerformanceMeasured(**figures))

    def alert(
        self, identity, when, start, end, figure, limit, says, *, columns=(), severity="warn", number=1
    ):
        self.record(
            AlertRaised(
                id=identity,
                rule=when,
                when=when,
                severity=severity,
                name=MODEL,
                number=number,
                environment=PRODUCTION,
                start=start,
                end=end,
                figure=figure,
                limit=limit,
                columns=list(columns),
                says=says,
                next_step=f"ropeway retrain {MODEL}",
                sinks=[],
            )
        )

    def resolve(self, identity, says, number=1):
        self.record(
            AlertResolved(id=identity, name=MODEL, number=number, environment=PRODUCTION, says=says, sinks=[])
        )

    # --- retraining --------------------------------------------------------------------------------

    def retrain(self, identity="retraining_r1", *, alert="alert_2", rollout="rollout_one"):
        """From a degradation to a version that is released."""
        of = {"retraining": identity, "name": MODEL, "environment": PRODUCTION}
        self.record(
            RetrainingTriggered(
                **of,
                trigger="degradation",
                cause=f"alert:{alert}",
                live=f"{MODEL}@1",
                says="macro_f1 0.430 (0.40 to 0.46) is under 0.550, the charter's bar",
            )
        )
        self.data("tweets2", 2, 5200, "feedback", self.controller)
        self.record(
            FeedbackCollected(
                dataset="tweets",
                version=DIGEST["tweets2"],
                base=f"dataset:tweets@{DIGEST['tweets']}",
                retraining=identity,
                environment=PRODUCTION,
                rows=1000,
                known=0,
                unusable=3,
                since=self.clock.now() - 6 * DAY,
                until=self.clock.now(),
                models=[f"{MODEL}@1"],
            )
        )
        data = f"dataset:tweets@{DIGEST['tweets2']}"
        says = "1,000 judged predictions added: tweets@v2 has 5,200 rows"
        self.record(RetrainingAdvanced(**of, stage="data", dataset=data, says=says))
        self.run("run_bbbb", 0.66, "tweets2", self.controller)
        self.record(RetrainingAdvanced(**of, stage="trained", run="run_bbbb", says="trained in run_bbbb"))
        self.register(2, "run_bbbb", "tweets2", self.controller)
        version = f"{MODEL}@2"
        self.record(
            RetrainingAdvanced(**of, stage="registered", version=version, says=f"registered as {version}")
        )
        self.gate(2, 0.603, "tweets2", f"{MODEL}@1", self.controller)
        self.record(RetrainingAdvanced(**of, stage="gated", passed=True, says=f"the gate passed {version}"))
        rule = "policy: retraining after degradation"
        self.record(ApprovedByRule(name=MODEL, number=2, evidence=digest_bytes(b"evidence2"), rule=rule))
        self.record(RetrainingAdvanced(**of, stage="approved", rule=rule, says="approved by a rule"))
        if rollout:
            self.start_rollout(rollout, 2, 1, retraining=identity, rule=rule)
            self.record(RetrainingAdvanced(**of, stage="released", rule=rule, rollout=rollout))
            self.record(
                RetrainingEnded(**of, outcome="released", version=version, code="", says="a rollout began")
            )

    def pause(self, reason):
        self.record(PolicyPaused(name=MODEL, environment=PRODUCTION, by_rule=True, reason=reason))

    # --- rollouts ----------------------------------------------------------------------------------

    def terms(self, alpha=0.01):
        return Terms(
            min_entities=100,
            settle=0.0,
            deadline=14 * 86_400.0,
            mirror=True,
            alpha=alpha,
            harm_alpha=0.05,
            min_gain=0.05,
            scale=3.0,
            unit="cost per entity",
            cap=None,
            cost=COST,
            undecided="hold",
            guards=Limits(latency_ratio=2.0, error_rate=0.01, coverage_gap=0.2),
        )

    def start_rollout(
        self, identity, number, champion, *, retraining="", rule="", spent=0.01, left=0.04, note=None
    ):
        self.record(
            RolloutStarted(
                rollout=identity,
                name=MODEL,
                number=number,
                environment=PRODUCTION,
                champion=champion,
                steps=[0.0, 0.1, 0.5],
                terms=self.terms(spent),
                alpha_spent=spent,
                year=self.clock.now().year,
                budget_left=left,
                salt="salt",
                retraining=retraining,
                rule=rule,
                note=note,
            ),
            self.controller if rule else self.ana,
        )
        self.route(identity, champion, [], [number])

    def route(self, rollout, live, arms, shadows):
        self.record(
            TrafficRouted(
                name=MODEL,
                environment=PRODUCTION,
                live=live,
                arms=[Arm(number=number, share=share) for number, share in arms],
                shadows=shadows,
                salt="salt",
                rollout=rollout,
                reason=None,
            )
        )

    def differences(self, many, gain, seed=5):
        draw = random.Random(seed)
        return [draw.choice([-1.0, 0.0, 0.0, 0.0, 1.0]) + gain + draw.uniform(-0.3, 0.3) for _ in range(many)]

    def evaluate(self, identity, number, champion, step, differences, began, spent=0.01):
        """Evidence as the real test gives it; the looks are spread from `began` until now."""
        terms = self.terms(spent)
        test = TestTerms(
            scale=terms.scale,
            alpha=terms.alpha,
            harm_alpha=terms.harm_alpha,
            min_gain=terms.min_gain,
            min_entities=100,
        )
        weighed = Weighed(differences=differences)
        verdict = decide(weighed, test)
        now, total = self.clock.now(), len(differences)
        looks = [
            Look(
                at=began + (now - began) * (point.entities / total),
                **{name: getattr(point, name) for name in point.__struct_fields__},
            )
            for point in follow(weighed, test)
        ]
        arm = SeenArm(asked=total, errors=0, answers=total, labelled=total - 9, timed=total, p99_us=9_100.0)
        import math

        summary = Summary(
            verdict=verdict.kind,
            says=verdict.says,
            entities=verdict.entities,
            in_step=min(total, 140),
            estimate=verdict.estimate,
            low=verdict.low,
            high=verdict.high,
            log_e_gain=math.log(verdict.e_gain),
            log_e_harm=math.log(verdict.e_harm),
            answers_live=total,
            answers_candidate=total,
            coverage_live=arm.coverage,
            coverage_candidate=arm.coverage,
            error_rate_live=0.0,
            error_rate_candidate=0.0,
            p99_live_us=arm.p99_us,
            p99_candidate_us=arm.p99_us,
        )
        guarded = Guarded(live=arm, candidate=arm, slow=0, broken={}, waits="")
        evidence = Evidence(
            format=1,
            rollout=identity,
            ref=f"{MODEL}@{number}",
            champion=f"{MODEL}@{champion}",
            environment=PRODUCTION,
            at=now,
            step=step,
            share=(0.0, 0.1, 0.5)[step],
            terms=terms,
            differences=differences,
            entities=[],
            trajectory=looks,
            guarded=guarded,
            summary=summary,
        )
        digest = self.ana.store.put(canonical(evidence))
        self.record(
            RolloutEvaluated(
                rollout=identity,
                name=MODEL,
                number=number,
                environment=PRODUCTION,
                step=step,
                summary=summary,
                evidence=digest,
            )
        )
        return digest, verdict

    def advance(self, identity, number, step):
        share = (0.0, 0.1, 0.5)[step]
        self.record(
            RolloutAdvanced(
                rollout=identity,
                name=MODEL,
                number=number,
                environment=PRODUCTION,
                step=step,
                share=share,
                rule="min_entities",
                says="140 entities heard of, and no harm",
                note=None,
            )
        )

    def end_rollout(self, identity, number, outcome, says, evidence, rule):
        self.record(
            RolloutEnded(
                rollout=identity,
                name=MODEL,
                number=number,
                environment=PRODUCTION,
                outcome=outcome,
                rule=rule,
                says=says,
                evidence=evidence,
                note=None,
            )
        )

    # --- the whole -----------------------------------------------------------------------------------

    def drifting(self):
        """Five days of tweets, five of reviews; labels come, and it is worse than it may be."""
        self.first_release()
        spans = []
        for day in range(10):
            kind = "tweets" if day < 5 else "reviews"
            faults = [("channel", "unseen", 88), ("text", "null", 3)] if day >= 5 else []
            start, end = self.window(1, kind, errors=int(day % 4 == 3), faults=faults)
            spans.append((start, end))
            self.pass_days(1)
            value = 0.61 if day < 5 else 0.43
            labelled = 60 if day < 3 else 0
            self.performance(1, start, end, value, labelled=labelled, estimated=value + 0.02)
            if day == 5:
                says = "'text', 'channel', 'prediction' drifted, by up to 0.61 (limit 0.1)"
                self.alert(
                    "alert_1", "drift", start, end, 0.61, 0.1, says, columns=["text", "channel", "prediction"]
                )
        for start, end in spans[5:]:
            self.performance(1, start, end, 0.43, labelled=170)
        first, last = spans[5][0], spans[-1][1]
        self.performance(1, first, last, 0.43, rows=900, labelled=850, recent=5)
        says = "macro_f1 0.430 (between 0.399 and 0.461) on 850 labelled of 900 answers of 5 windows is under 0.550"
        self.alert("alert_2", "degradation", first, last, 0.43, 0.55, says, severity="page")
        return self

    def recovering(self):
        """The retraining and the rollout that proves its gain."""
        self.retrain()
        began = self.clock.now()
        gains = self.differences(620, 0.22)
        evidence = None
        for step, upto in enumerate((140, 300, 620)):
            if step:
                self.advance("rollout_one", 2, step)
                self.route("rollout_one", 1, [(2, (0.0, 0.1, 0.5)[step])], [])
            for day in range(2):
                start, end = self.window(1, "reviews")
                self.pass_days(1)
                self.performance(1, start, end, 0.44, labelled=160)
                if step and day:
                    self.window(2, "reviews", at=start, rows=90 if step == 2 else 40)
                    self.performance(2, start, end, 0.62, rows=90, labelled=80)
            evidence, verdict = self.evaluate("rollout_one", 2, 1, step, gains[:upto], began)
        self.promote(2, 1, self.controller)
        self.end_rollout("rollout_one", 2, "promoted", verdict.says, evidence, "proven gain")
        self.resolve("alert_2", "sentiment@1 is not live any more")
        self.resolve("alert_1", "sentiment@1 is not live any more")
        for _ in range(3):
            start, end = self.window(2, "reviews")
            self.pass_days(1)
            self.performance(2, start, end, 0.63, labelled=150)
        self.performance(2, start - 2 * DAY, end, 0.63, rows=540, labelled=450, recent=3)
        says = "'text', 'channel' drifted, by up to 0.58 (limit 0.1)"
        self.alert("alert_3", "drift", start, end, 0.58, 0.1, says, columns=["text", "channel"], number=2)
        return self

    def rolled_back(self):
        """The former version is released again, and does harm."""
        began = self.clock.now()
        self.start_rollout("rollout_two", 1, 2, spent=0.008, left=0.032, note="trying the old one")
        for _ in range(2):
            start, end = self.window(2, "reviews")
            self.pass_days(1)
            self.performance(2, start, end, 0.62, labelled=150)
        digest, verdict = self.evaluate("rollout_two", 1, 2, 0, self.differences(260, -0.35, 8), began, 0.008)
        self.end_rollout("rollout_two", 1, "rolled-back", verdict.says, digest, "harm")
        self.route("", 2, [], [])
        return self

    def whole(self):
        return self.drifting().recovering().rolled_back()


def json_of(value):
    return msgspec.json.decode(msgspec.json.encode(value))
