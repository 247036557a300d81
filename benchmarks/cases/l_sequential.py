"""How often a release is wrongly promoted, and after how many entities a better one is, by simulation.

Somebody looks after every single entity and promotes at the first proof. Beside it stands what is usually
done: Student's t over predictions, looked at as often; and a test of fixed size that is looked at once.
"""

from statistics import NormalDist

import numpy as np

from benchmarks.bench import Bench
from benchmarks.case import Case, Figure
from benchmarks.simulate import (
    Floats,
    Population,
    blocks,
    decided_after,
    draw,
    log_es,
    naive_t,
    population,
)
from ropeway.stats.sequential.budget import spend

ALPHA, SHARE = 0.05, 0.2
RUNS, RELEASES = 2000, 50
ENTITIES, ENTITIES_A_RELEASE = 1000, 400
FIRST_T = 30
"""Entities before anybody looks at Student's t, which knows nothing of fewer."""


def measure(bench: Bench) -> list[Figure]:
    runs = bench.times(RUNS, 50)
    same = population(100_000, is_clustered=True, has_gain=False, seed=1)
    better = population(100_000, is_clustered=True, has_gain=True, seed=1)
    tweets = population(100_000, is_clustered=False, has_gain=True, seed=1)
    return [
        _one_release(same, runs),
        _one_canary(same, runs),
        _a_year(same, runs, bench.times(RELEASES, 3)),
        *(_paired(tweets, alpha, runs, "one tweet each") for alpha in (0.01, 0.025)),
        _paired(better, 0.01, runs, "customers"),
        *(_canary(tweets, share, alpha, runs // 5) for share in (0.1, 0.5) for alpha in (0.01, 0.025)),
        _harm(tweets, runs),
    ]


def _one_release(same: Population, runs: int) -> Figure:
    drawn = draw(same, ENTITIES, runs, seed=2)
    t = naive_t(same, drawn)
    return Figure(
        what="no difference: wrongly promoted, both answers known",
        ours=_percent(np.isfinite(decided_after(log_es(same.differences[drawn]), ALPHA))),
        unit="% of runs",
        beside={
            "Student's t over predictions, looked at as often": _percent(
                (t[FIRST_T:] > _z(ALPHA)).any(axis=0)
            ),
            "the same, looked at once": _percent(t[-1] > _z(ALPHA)),
        },
        goal=100 * ALPHA,
        note=f"{runs:,} runs of {ENTITIES:,} customers with {same.predictions.mean():.1f} tweets on average, "
        f"at a level of {ALPHA:.0%}, looked at after every customer",
    )


def _one_canary(same: Population, runs: int) -> Figure:
    found = blocks(same, 0.1, entities=4 * ENTITIES, runs=runs, seed=3)
    return Figure(
        what="no difference: wrongly promoted, canary at 10 %",
        ours=_percent(np.isfinite(decided_after(log_es(found.differences), ALPHA))),
        unit="% of runs",
        beside={},
        goal=100 * ALPHA,
        note=f"{4 * ENTITIES:,} customers, each answered by one version, held against each other in blocks",
    )


def _a_year(same: Population, runs: int, releases: int) -> Figure:
    ours, unbudgeted, naive = (np.zeros(runs, dtype=bool) for _ in range(3))
    spent = 0.0
    for release in range(releases):
        alpha = spend(ALPHA, SHARE, spent)
        spent += alpha
        drawn = draw(same, ENTITIES_A_RELEASE, runs, seed=100 + release)
        log_e = log_es(same.differences[drawn])
        ours |= np.isfinite(decided_after(log_e, alpha))
        unbudgeted |= np.isfinite(decided_after(log_e, ALPHA))
        naive |= (naive_t(same, drawn)[FIRST_T:] > _z(ALPHA)).any(axis=0)
    return Figure(
        what=f"{releases} releases a year without a difference: any wrongly promoted",
        ours=_percent(ours),
        unit="% of years",
        beside={
            f"each release at {ALPHA:.0%}": _percent(unbudgeted),
            f"Student's t over predictions, each release at {ALPHA:.0%}": _percent(naive),
        },
        goal=100 * ALPHA,
        note=f"{runs:,} years; each release takes {SHARE:.0%} of what is left of the year's {ALPHA:.0%}, "
        f"and has {ENTITIES_A_RELEASE} customers",
    )


def _paired(better: Population, alpha: float, runs: int, who: str) -> Figure:
    gains = better.differences
    after = decided_after(log_es(gains[draw(better, 3 * ENTITIES, runs, seed=4)]), alpha)
    return _time(
        f"better, both answers known ({who}), level {alpha:.1%}: entities to proof",
        after,
        _fixed(float(gains.mean()), float(gains.var()), alpha),
        f"the gain is {gains.mean():.2f} an entity, its standard deviation {gains.std():.2f}",
    )


def _canary(better: Population, share: float, alpha: float, runs: int) -> Figure:
    found = blocks(better, share, entities=round(3000 / (share * (1 - share))), runs=runs, seed=5)
    closed = decided_after(log_es(found.differences), alpha)
    last = np.where(np.isfinite(closed), closed, 1).astype(np.int64) - 1
    after = np.where(np.isfinite(closed), found.entities[last, np.arange(runs)], np.inf)
    variance = float(better.live.var()) / (1 - share) + float(better.candidate.var()) / share
    return _time(
        f"better, canary at {share:.0%}, level {alpha:.1%}: entities to proof",
        after,
        _fixed(float(better.differences.mean()), variance, alpha),
        "entities of both arms together; one tweet each",
    )


def _harm(better: Population, runs: int) -> Figure:
    losses = better.differences[draw(better, 3 * ENTITIES, runs, seed=6)]
    return _time(
        f"worse by as much, both answers known, level {ALPHA:.0%}: entities to harm",
        decided_after(log_es(losses), ALPHA),
        _fixed(float(better.differences.mean()), float(better.differences.var()), ALPHA),
        "the two versions exchanged, and the bet on harm",
    )


def _time(what: str, after: Floats, fixed: dict[str, float | str], note: str) -> Figure:
    quarter, median, most = np.quantile(after, [0.25, 0.5, 0.9], method="lower")
    return Figure(
        what=what,
        ours=float(median),
        unit="entities",
        beside=fixed,
        note=f"median of {len(after):,} runs; a quarter by {quarter:,.0f}, 90 % by {most:,.0f}; {note}",
    )


def _fixed(mean: float, variance: float, alpha: float) -> dict[str, float | str]:
    """How many entities a test that is looked at once needs for its power, when it knows the truth."""
    return {
        f"looked at once, {power:.0%} power": (_z(alpha) + _z(1 - power)) ** 2 * variance / mean**2
        for power in (0.8, 0.9)
    }


def _z(level: float) -> float:
    return NormalDist().inv_cdf(1 - level)


def _percent(is_so: np.ndarray) -> float:
    return 100 * float(is_so.mean())


CASE = Case(name="sequential", title="Releases under the sequential test", measure=measure)
