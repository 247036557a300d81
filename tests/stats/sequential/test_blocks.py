from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ropeway.stats.sequential.blocks import number_blocks, pair

START = datetime(2026, 3, 1)


def settled(*entities: tuple) -> pl.DataFrame:
    """Entities that settle minute by minute: arm, cost of live, cost of the candidate, and step, 0 else."""
    return pl.DataFrame(
        [
            (arm, *(step or [0]), live, candidate, START + timedelta(minutes=n))
            for n, (arm, live, candidate, *step) in enumerate(entities)
        ],
        schema={
            "arm": pl.String,
            "step": pl.Int64,
            "cost_live": pl.Float64,
            "cost_candidate": pl.Float64,
            "settled_at": pl.Datetime("us"),
        },
        orient="row",
    )


def steps(*entities: tuple) -> list[tuple[float, int, int]]:
    return pair(settled(*entities)).select("difference", "live", "candidate").rows()


@given(st.lists(st.booleans(), max_size=80), st.integers(1, 3))
def test_every_block_holds_both_arms_and_no_entity_is_in_two(arms, least):
    is_candidate = np.array(arms, dtype=bool)
    numbers = number_blocks(is_candidate, least=least)
    closed = numbers[numbers >= 0]
    assert (np.diff(closed) >= 0).all()
    for block in range(int(closed.max(initial=-1)) + 1):
        mine = is_candidate[numbers == block]
        assert min(mine.sum(), (~mine).sum()) == least
    open_ones = is_candidate[numbers < 0]
    assert min(open_ones.sum(), (~open_ones).sum()) < least


def test_a_candidate_is_held_against_all_live_ones_since_the_last_block():
    assert steps(("live", 4.0, None), ("live", 2.0, None), ("candidate", None, 1.0), ("live", 9.0, None)) == [
        (2.0, 2, 1)
    ]


def test_a_candidate_without_a_live_one_waits():
    assert steps(("candidate", None, 1.0), ("candidate", None, 3.0)) == []
    assert steps(("candidate", None, 1.0), ("candidate", None, 3.0), ("live", 2.0, None)) == [(0.0, 1, 2)]


def test_entities_with_both_answers_stand_between_blocks_in_order_of_settling():
    assert steps(("live", 4.0, None), ("both", 5.0, 1.0), ("candidate", None, 1.0), ("both", 0.0, 2.0)) == [
        (4.0, 1, 1),
        (3.0, 1, 1),
        (-2.0, 1, 1),
    ]


def test_no_block_holds_entities_of_two_steps():
    mixed = [
        ("live", 9.0, None, 0),
        ("live", 9.0, None, 0),
        ("candidate", None, 1.0, 1),
        ("live", 1.0, None, 1),
        ("candidate", None, 8.0, 0),
    ]
    assert steps(*mixed) == [(0.0, 1, 1), (1.0, 2, 1)]
    assert steps(*mixed[:3]) == []


def test_nothing_settled_gives_no_steps():
    assert pair(settled()).columns == ["settled_at", "difference", "live", "candidate"]
    assert pair(settled()).is_empty()


def test_what_changes_for_everybody_cancels():
    random = np.random.default_rng(0)
    # Costs rise from 0 to 9 for both arms alike while the candidate's share rises from 10 % to 50 %.
    count = 6000
    level = np.linspace(0, 9, count)
    is_candidate = random.random(count) < np.linspace(0.1, 0.5, count)
    costs = level + random.random(count)
    frame = settled(
        *(
            ("candidate", None, float(cost)) if mine else ("live", float(cost), None)
            for cost, mine in zip(costs, is_candidate, strict=True)
        )
    )
    assert pair(frame)["difference"].mean() == pytest.approx(0.0, abs=0.03)
    assert costs[is_candidate].mean() - costs[~is_candidate].mean() > 1
