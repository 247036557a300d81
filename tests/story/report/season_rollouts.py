"""Retrainings and rollouts on record: the evidence is what the real test gives on made-up differences."""

import math
import random

from season_versions import DAY, DIGEST, MODEL, PRODUCTION
from season_windows import Production

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
from ropeway.models.events import ApprovedByRule, Arm, TrafficRouted
from ropeway.stats.sequential.verdict import Evidence as Weighed
from ropeway.stats.sequential.verdict import Terms as TestTerms
from ropeway.stats.sequential.verdict import decide, follow

COST = {
    "negative": {"neutral": 1.0, "positive": 3.0},
    "neutral": {"negative": 1.0, "positive": 1.0},
    "positive": {"negative": 3.0, "neutral": 1.0},
}


class Releases(Production):
    """What the policy does about it, and how versions prove themselves."""

    def retrain(self, identity="retraining_r1", *, alert="alert_2", rollout="rollout_one", approved=True):
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
        if not approved:
            return
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
