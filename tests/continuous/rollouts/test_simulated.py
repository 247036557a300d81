"""Seasons in which nothing differs, or the candidate is worse or better, heard by the real evidence."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import polars as pl
import pytest

from ropeway.continuous.rollouts.events import Limits, Terms
from ropeway.continuous.rollouts.evidence import _countable, _in_step, _priced, _test_terms
from ropeway.stats.sequential.blocks import pair
from ropeway.stats.sequential.entities import settle
from ropeway.stats.sequential.verdict import Evidence, decide

START = datetime(2026, 1, 1, tzinfo=UTC)
MOMENT = pl.Datetime("us", "UTC")
NO_SHADOWS = {"of": pl.String, "at": MOMENT, "arm": pl.String, "prediction": pl.String, "error": pl.String}


class Season(NamedTuple):
    """What a season is like: errors of live by day, how much more the candidate errs, rows a day."""

    errors: list[float]
    worse: float = 0.0
    rows: int = 1500
    steps: tuple[float, ...] = (0.1, 0.5)
    customers: int | None = None


def terms(*, mirror: bool = False) -> Terms:
    return Terms(
        min_entities=100,
        settle=0.0,
        deadline=14 * 86_400.0,
        mirror=mirror,
        alpha=0.05,
        harm_alpha=0.05,
        min_gain=0.0,
        scale=1.0,
        unit="mistakes per entity",
        cap=None,
        cost={},
        undecided="hold",
        guards=Limits(latency_ratio=2.0, error_rate=0.01, coverage_gap=0.2),
    )


def day_of(season: Season, day: int, share: float, random: np.random.Generator) -> pl.DataFrame:
    """A day's rows, each with its truth, which somebody tells some time within five days."""
    count = season.rows
    if season.customers is None:
        entity = [f"day {day} row {row}" for row in range(count)]
        point = random.random(count)
    else:
        who = random.integers(0, season.customers, count) + day * season.customers // 4
        entity = [f"customer {number}" for number in who.tolist()]
        # The same point for a customer on every day.
        point = (who * 0.618033988749895) % 1.0
    is_candidate = point < share
    is_wrong = random.random(count) < season.errors[day] + season.worse * is_candidate
    at = [START + timedelta(days=day, seconds=86_400 * row / count) for row in range(count)]
    return pl.DataFrame(
        {
            "id": [f"p{day}-{row}" for row in range(count)],
            "entity": entity,
            "at": pl.Series(at, dtype=MOMENT),
            "arm": np.where(is_candidate, "candidate", "live"),
            "is_instead": [False] * count,
            "prediction": np.where(is_wrong, '"no"', '"yes"'),
            "error": [""] * count,
            "truth": ['"yes"'] * count,
            "days": random.uniform(0, 5, count),
        }
    ).with_columns((pl.col("at") + pl.duration(seconds=pl.col("days") * 86_400)).alias("labelled_at"))


def outcome(season: Season, seed: int) -> str:
    """What becomes of a rollout that is looked at every night."""
    random = np.random.default_rng(seed)
    rollout = SimpleNamespace(
        terms=terms(), shares=list(season.steps), moves=[], started_at=START, step_at=START, step=0
    )
    rows = []
    for day in range(len(season.errors)):
        rows.append(day_of(season, day, season.steps[rollout.step], random))
        now, answers = START + timedelta(days=day + 1), pl.concat(rows)
        labels = answers.filter(pl.col("labelled_at") <= now).sort("labelled_at")
        priced = _priced(
            answers.drop("truth", "labelled_at", "days"),
            pl.DataFrame(schema=NO_SHADOWS),
            labels.select("id", "truth", "labelled_at"),
            rollout.terms,
        )
        priced = _countable(priced, rollout)
        settled = settle(priced, wait=timedelta(0), now=now)
        verdict = decide(Evidence.of(pair(settled)), _test_terms(rollout.terms))
        is_last = rollout.step == len(season.steps) - 1
        if verdict.kind == "harm" or (is_last and verdict.kind != "continue"):
            return verdict.kind
        if not is_last and _in_step(priced, rollout, now) >= 100:
            rollout.step, rollout.step_at = rollout.step + 1, now
            rollout.moves.append(SimpleNamespace(move="advanced", at=now))
    return "continue"


EASIER = [0.35, 0.35, 0.1, 0.1, 0.1, 0.1, 0.1]
"""For everybody what comes is easier from the third day on, when the share is raised."""


@pytest.mark.parametrize("customers", [None, 600])
def test_a_raised_share_while_everything_gets_easier_proves_no_gain(customers):
    season = Season(errors=EASIER, customers=customers)
    assert [outcome(season, seed) for seed in range(8)].count("gain") == 0


def test_a_version_that_is_worse_is_not_promoted_for_coming_later():
    season = Season(errors=EASIER, worse=0.02)
    assert "gain" not in [outcome(season, seed) for seed in range(6)]


def test_a_raised_share_while_everything_gets_harder_proves_no_harm():
    season = Season(errors=EASIER[::-1])
    assert [outcome(season, seed) for seed in range(8)].count("harm") <= 1


def test_a_better_version_is_proven_over_several_steps():
    season = Season(errors=[0.35] * 7, worse=-0.2)
    assert [outcome(season, seed) for seed in range(4)] == ["gain"] * 4
