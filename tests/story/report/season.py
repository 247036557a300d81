"""A season of production on record: real events, real drift reports, real evidence; no model is trained.

Tweets for some days, then reviews; an alert, a retraining on what people said, a rollout that proves a gain,
and a release of the former version that is rolled back.
"""

from season_rollouts import Releases
from season_versions import DAY


class Season(Releases):
    """Writes a history; `ana` proposes, `ben` approves, `controller` does what the policy says."""

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
        says = "macro_f1 0.430 (between 0.399 and 0.461) on 850 labelled of 900 answers of 5 windows"
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
