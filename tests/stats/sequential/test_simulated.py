"""A small edition of the benchmark: the levels hold while somebody looks after every entity."""

import numpy as np
import polars as pl
import pytest
from benchmarks.simulate import (
    SCALE,
    blocks,
    decided_after,
    draw,
    log_es,
    naive_t,
    population,
)

from ropeway.stats.sequential.blocks import pair
from ropeway.stats.sequential.budget import spend
from ropeway.stats.sequential.verdict import Evidence, Terms, decide

RUNS = 500
SAME = population(20_000, is_clustered=True, has_gain=False, seed=1)
BETTER = population(20_000, is_clustered=True, has_gain=True, seed=1)


def share_of(is_so: np.ndarray) -> float:
    return float(is_so.mean())


def test_the_world_is_as_it_says():
    assert SAME.differences.mean() == pytest.approx(0.0, abs=1e-12)
    assert BETTER.differences.mean() == pytest.approx(0.28, abs=0.05)
    # Predictions about one customer go together: their sum spreads more than independent ones would.
    assert SAME.gains.var() > 1.5 * SAME.squares.sum() / SAME.predictions.sum() * SAME.predictions.mean()


def test_wrong_promotions_and_wrong_harm_stay_under_the_level_where_students_t_breaks_it():
    drawn = draw(SAME, 500, RUNS, seed=2)
    differences = SAME.differences[drawn]
    for signed in (differences, -differences):
        assert share_of(np.isfinite(decided_after(log_es(signed), 0.1))) <= 0.1
    assert share_of((naive_t(SAME, drawn)[30:] > 1.2816).any(axis=0)) > 0.4


def test_the_level_is_used_and_not_only_kept():
    differences = SAME.differences[draw(SAME, 500, RUNS, seed=3)]
    assert share_of(np.isfinite(decided_after(log_es(differences), 0.5))) > 0.1


def test_wrong_promotions_of_a_canary_stay_under_the_level():
    found = blocks(SAME, 0.3, entities=1000, runs=RUNS, seed=4)
    assert share_of(np.isfinite(decided_after(log_es(found.differences), 0.1))) <= 0.1


def test_a_year_of_releases_stays_under_its_budget_where_single_levels_do_not():
    ours, unbudgeted, spent = np.zeros(RUNS, dtype=bool), np.zeros(RUNS, dtype=bool), 0.0
    for release in range(30):
        alpha = spend(0.2, 0.2, spent)
        spent += alpha
        log_e = log_es(SAME.differences[draw(SAME, 200, RUNS, seed=10 + release)])
        ours |= np.isfinite(decided_after(log_e, alpha))
        unbudgeted |= np.isfinite(decided_after(log_e, 0.2))
    assert share_of(ours) <= 0.2
    assert share_of(unbudgeted) > 0.4


def test_a_better_version_is_proven_about_as_soon_as_by_a_test_of_fixed_size():
    gains = BETTER.differences
    after = decided_after(log_es(gains[draw(BETTER, 2000, RUNS, seed=5)]), 0.01)
    # The fixed size of 90 % power at the level 0.01, which has to know the gain beforehand.
    fixed = (2.326 + 1.282) ** 2 * gains.var() / gains.mean() ** 2
    assert np.median(after) < fixed
    assert share_of(np.isfinite(after)) > 0.95


def test_the_simulation_weighs_as_the_verdict_does():
    found = blocks(BETTER, 0.2, entities=600, runs=1, seed=6)
    differences = found.differences[:, 0]
    said = decide(Evidence(differences=differences.tolist()), Terms(scale=SCALE, alpha=0.01))
    assert np.log(said.e_gain) == pytest.approx(log_es(found.differences)[-1, 0])


def test_the_simulated_blocks_are_those_of_the_rollout():
    random, count = np.random.default_rng(7), 600
    who, is_candidate = random.integers(0, 20_000, count), random.random(count) < 0.2
    settled = pl.DataFrame(
        {
            "arm": np.where(is_candidate, "candidate", "live"),
            "cost_live": BETTER.live[who],
            "cost_candidate": BETTER.candidate[who],
            "settled_at": np.arange(count),
            "step": np.zeros(count, dtype=np.int64),
        }
    ).with_columns(
        pl.when(pl.col("arm") == arm).then(pl.col(f"cost_{arm}")).alias(f"cost_{arm}")
        for arm in ("live", "candidate")
    )
    found = blocks(BETTER, 0.2, entities=count, runs=1, seed=7)
    assert pair(settled)["difference"].to_list() == pytest.approx(found.differences[:, 0].tolist())
