from datetime import datetime, timedelta

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from ropeway.stats.sequential.entities import settle

START = datetime(2026, 3, 1)
SCHEMA = {
    "id": pl.String,
    "entity": pl.String,
    "at": pl.Datetime("us", "UTC"),
    "arm": pl.String,
    "step": pl.Int64,
    "cost_live": pl.Float64,
    "cost_candidate": pl.Float64,
    "labelled_at": pl.Datetime("us", "UTC"),
    "mirrored_at": pl.Datetime("us", "UTC"),
}


def hour(number: float) -> datetime:
    return START + timedelta(hours=number)


def frame(*rows: tuple) -> pl.DataFrame:
    """Rows of id, entity, hour, arm, cost of live, cost of the candidate, hour of the label.

    Where they are longer, of the step, 0 else, and the hour of the mirrored answer.
    """
    return pl.DataFrame([full_row(*row) for row in rows], schema=SCHEMA, orient="row")


def full_row(
    id_: str,
    entity: str,
    at: float,
    arm: str,
    live: float | None,
    candidate: float | None,
    labelled: float | None,
    step: int = 0,
    mirrored: float | None = None,
) -> tuple:
    labelled_at, mirrored_at = (None if each is None else hour(each) for each in (labelled, mirrored))
    return id_, entity, hour(at), arm, step, live, candidate, labelled_at, mirrored_at


def settled(*rows: tuple, wait: float = 2, now: float | None = None) -> list[tuple]:
    found = settle(
        frame(*rows),
        wait=timedelta(hours=wait),
        now=None if now is None else frame(("", "", now, "", None, None, None))["at"][0],
    )
    return found.select("entity", "arm", "cost_live", "cost_candidate", "predictions").rows()


def test_an_entity_counts_once_by_the_mean_of_its_predictions():
    rows = [("p1", "ann", 0, "live", 4.0, 0.0, 1), ("p2", "ann", 0, "live", 0.0, 1.0, 2)]
    assert settled(*rows) == [("ann", "both", 2.0, 0.5, 2)]


def test_labels_after_settling_are_left_out():
    rows = [("p1", "ann", 0, "live", 4.0, 0.0, 1), ("p2", "ann", 0, "live", 0.0, 10.0, 3.5)]
    assert settled(*rows) == [("ann", "both", 4.0, 0.0, 1)]


def test_before_settling_the_latest_label_of_a_prediction_wins():
    rows = [("p1", "ann", 0, "live", 4.0, 0.0, 1), ("p1", "ann", 0, "live", 0.0, 2.0, 2)]
    assert settled(*rows) == [("ann", "both", 0.0, 2.0, 1)]


def test_contradictory_feedback_after_settling_changes_nothing():
    rows = [("p1", "ann", 0, "live", 4.0, 0.0, 1)]
    assert settled(*rows, ("p1", "ann", 0, "live", 0.0, 4.0, 9)) == settled(*rows)


def test_an_entity_settles_a_while_after_its_first_label():
    rows = [("p1", "ann", 0, "live", 4.0, 0.0, 1)]
    assert settled(*rows, now=2.9) == []
    assert settled(*rows, now=3) == [("ann", "both", 4.0, 0.0, 1)]


def test_without_a_wait_the_first_label_is_the_one():
    rows = [("p1", "ann", 0, "live", 4.0, 0.0, 1), ("p2", "ann", 0, "live", 0.0, 0.0, 1.1)]
    assert settled(*rows, wait=0) == [("ann", "both", 4.0, 0.0, 1)]


def test_an_entity_of_two_arms_counts_in_the_one_it_saw_first():
    rows = [
        ("p1", "ann", 1, "live", 4.0, None, 6),
        ("p2", "ann", 2, "candidate", None, 0.0, 5),
    ]
    assert settled(*rows) == [("ann", "live", 4.0, None, 1)]


def test_the_arm_it_saw_first_counts_even_while_that_has_no_label():
    rows = [
        ("p1", "ann", 1, "live", None, None, None),
        ("p2", "ann", 2, "candidate", None, 0.0, 5),
    ]
    assert settled(*rows) == []


def test_predictions_with_both_answers_count_before_those_with_one():
    rows = [
        ("p1", "ann", 1, "live", 4.0, None, 5),
        ("p2", "ann", 2, "candidate", 2.0, 1.0, 6),
    ]
    assert settled(*rows) == [("ann", "both", 2.0, 1.0, 1)]


def test_a_mirrored_answer_that_comes_on_record_after_settling_changes_nothing():
    late = ("p1", "ann", 0, "live", 4.0, 0.0, 1, 0, 9)
    own = ("p2", "ann", 0, "live", 0.0, 1.0, 2, 0, 1)
    assert settled(late, own) == settled(own) == [("ann", "both", 0.0, 1.0, 1)]


def test_an_entity_whose_mirrored_answer_is_late_settles_by_it():
    late = ("p1", "ann", 0, "live", 4.0, 0.0, 1, 0, 9)
    assert settled(late, now=10) == []
    assert settled(late, now=11) == [("ann", "both", 4.0, 0.0, 1)]


def test_what_an_entity_is_answered_in_a_later_step_is_left_out():
    first, later = ("p1", "ann", 1, "live", 4.0, None, 6, 1), ("p2", "ann", 2, "live", 0.0, None, 5, 2)
    assert settled(first, later) == [("ann", "live", 4.0, None, 1)]
    assert settled(("p1", "ann", 1, "live", None, None, None, 1), later) == []


def test_an_entity_first_seen_while_shares_were_changed_does_not_count_by_one_answer():
    about, later = ("p1", "ann", 1, "live", 4.0, None, 6, -1), ("p2", "ann", 2, "live", 0.0, None, 5, 2)
    assert settled(about) == settled(about, later) == []


def test_without_an_entity_each_prediction_is_its_own():
    rows = [("p1", "", 0, "live", 4.0, 0.0, 1), ("p2", "", 0, "live", 0.0, 1.0, 2)]
    assert settled(*rows) == [("p1", "both", 4.0, 0.0, 1), ("p2", "both", 0.0, 1.0, 1)]


def test_entities_come_in_order_of_settling():
    rows = [("p1", "bob", 0, "live", 1.0, 0.0, 2), ("p2", "ann", 1, "live", 1.0, 0.0, 1)]
    assert [row[0] for row in settled(*rows)] == ["ann", "bob"]


def test_no_rows_settle_nobody():
    assert settled() == []
    assert settled(("p1", "ann", 0, "live", None, None, None)) == []


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["p1", "p2", "p3", "p4", "p5", "p6"]),
        st.integers(5, 20),  # the hour of the label
        st.sampled_from([0.0, 2.0, 10.0]),
        st.sampled_from([0.0, 1.0, 3.0]),
    ),
    max_size=20,
)
PREDICTIONS = {  # entity, hour, arm, mirrored
    "p1": ("ann", 0, "live", True),
    "p2": ("ann", 1, "candidate", False),
    "p3": ("bob", 1, "candidate", False),
    "p4": ("bob", 2, "live", False),
    "p5": ("", 2, "candidate", False),
    "p6": ("cy", 3, "live", False),
}


def labelled(rows: list[tuple]) -> list[tuple]:
    """What was predicted, each once without a label and then once with each label that came."""
    full = [(id_, *known[:3], None, None, None) for id_, known in PREDICTIONS.items()]
    for id_, at, live, candidate in rows:
        entity, hour_, arm, mirrored = PREDICTIONS[id_]
        full.append(
            (
                *(id_, entity, hour_, arm),
                live if mirrored or arm == "live" else None,
                candidate if mirrored or arm == "candidate" else None,
                at,
            )
        )
    return full


@settings(deadline=None, max_examples=60)
@given(ROWS, st.integers(5, 25))
def test_what_is_settled_stays_as_it_is_whatever_labels_come_later(rows, now):
    by_then = [row for row in rows if row[1] <= now]
    assert settled(*labelled(by_then), now=now) == settled(*labelled(rows), now=now)
    later = settled(*labelled(rows))
    assert [each for each in later if each in settled(*labelled(rows), now=now)] == settled(
        *labelled(rows), now=now
    )


@settings(deadline=None, max_examples=60)
@given(ROWS)
def test_every_entity_counts_at_most_once(rows):
    entities = [row[0] for row in settled(*labelled(rows))]
    assert len(entities) == len(set(entities))
