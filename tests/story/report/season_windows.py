"""What production says, and what is found in it: windows, performance, alerts."""

import random
from functools import cache

import polars as pl
from season_versions import CLASSES, DAY, MODEL, PRODUCTION, Chronicle

from ropeway.core.canonical import canonical
from ropeway.core.hashing import digest_bytes
from ropeway.examples import path as example
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


class Production(Chronicle):
    """Windows are real profiles, held against a real reference; the answers in them are made up."""

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
