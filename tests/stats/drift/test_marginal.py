import math
from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
import polars as pl
import pytest

from ropeway.stats.drift.frames import drift_frames
from ropeway.stats.drift.marginal import drift_between
from ropeway.stats.drift.report import DriftReport
from ropeway.stats.profile import Profile, Vocabulary, profile

KINDS = {"age": "number", "plan": "category", "ok": "boolean"}


def rows(count: int, *, seed: int = 1, age: float = 40.0, pro: float = 0.4) -> pl.DataFrame:
    generator = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "age": generator.normal(age, 9, count),
            "plan": np.where(generator.random(count) < pro, "pro", "basic"),
            "ok": generator.random(count) < 0.9,
        }
    )


def drift(before: pl.DataFrame, after: pl.DataFrame, **terms: float) -> DriftReport:
    reference = profile(before, KINDS)
    current = reference.like()
    current.update(after)
    return drift_between(reference, current, **terms)


def plain(report: DriftReport) -> DriftReport:
    """As JSON and back: what JSON cannot hold would not come back the same."""
    text = msgspec.json.encode(report)
    assert b"null" not in text or math.isfinite(report.effect)
    return msgspec.json.decode(text, type=DriftReport)


def test_rows_of_one_distribution_are_no_drift() -> None:
    found = drift(rows(3000), rows(400, seed=2))
    assert found.drifted == []
    assert {each.says for each in found.columns} == {"no more than chance"}


def test_a_column_that_moved_is_named_with_figures_and_words() -> None:
    found = drift(rows(3000), rows(400, seed=2, age=46.0, pro=0.8))
    assert found.drifted == ["plan", "age"]
    age = found.column("age")
    assert age is not None
    assert (age.detector, age.part, age.q_value < 1e-6, age.effect > 0.2) == ("ks", "values", True, True)
    assert age.wasserstein == pytest.approx(6, abs=1)
    assert age.says.startswith("mean 39.98 → 45.76, median")
    plan = found.column("plan")
    assert plan is not None
    assert plan.says.startswith(("'pro'", "'basic'"))


def test_a_significant_change_that_is_small_is_no_drift_and_says_so() -> None:
    found = drift(rows(60_000), rows(60_000, seed=2, age=40.5))
    age = found.column("age")
    assert age is not None
    assert (age.drifted, age.q_value < 0.01) == (False, True)
    assert "significant, but small" in age.says
    assert drift(rows(60_000), rows(60_000, seed=2, age=40.5), min_effect=0.01).drifted == ["age"]


def test_a_report_is_json_and_comes_back_the_same() -> None:
    found = drift(rows(500), rows(300, seed=2, age=60.0))
    assert plain(found) == found


def test_shapes_have_the_same_bins_and_add_up() -> None:
    found = drift(rows(500), rows(300, seed=2, age=60.0))
    for each in found.columns:
        assert each.reference.edges == each.current.edges
        assert each.reference.labels == each.current.labels
        assert sum(each.current.shares) == pytest.approx(1, abs=1e-4)


def test_a_column_that_turned_constant_says_what_it_always_is() -> None:
    after = rows(200, seed=2).with_columns(pl.lit(41.0).alias("age"), pl.lit("pro").alias("plan"))
    found = plain(drift(rows(1000), after))
    assert set(found.drifted) == {"age", "plan"}
    assert "always 41, where it went from" in found.column("age").says
    assert found.column("plan").says == "always 'pro', where it was one of 2"


def test_a_column_that_was_constant_says_so() -> None:
    before = rows(1000).with_columns(pl.lit(41.0).alias("age"))
    assert "where it was always 41" in drift(before, rows(200, seed=2)).column("age").says


def test_a_column_of_nulls_is_drift_in_words() -> None:
    after = rows(200, seed=2).with_columns(
        pl.lit(None, dtype=pl.Float64).alias("age"), pl.lit(None, dtype=pl.String).alias("plan")
    )
    found = plain(drift(rows(1000), after))
    assert set(found.drifted) == {"age", "plan"}
    assert found.column("age").says == "missing: every row is null or not finite"


def test_a_column_of_nan_is_drift_in_words() -> None:
    after = rows(200, seed=2).with_columns(pl.lit(math.nan).alias("age"))
    assert plain(drift(rows(1000), after)).column("age").says == "missing: every row is null or not finite"


def test_a_column_of_another_type_is_drift_in_words() -> None:
    after = rows(200, seed=2).with_columns(pl.lit("forty").alias("age"), pl.lit(1).alias("plan"))
    found = plain(drift(rows(1000), after))
    assert set(found.drifted) == {"age", "plan"}
    assert found.column("plan").says == "missing: every row is of another type"


def test_a_column_that_is_gone_is_drift_in_words() -> None:
    found = plain(drift(rows(1000), rows(200, seed=2).drop("age")))
    assert found.drifted == ["age"]
    assert found.column("age").says == "missing: no row has the column"


def test_a_profile_without_the_column_is_drift_in_words() -> None:
    found = drift_between(
        profile(rows(500), KINDS), profile(rows(300), {"plan": "category", "ok": "boolean"})
    )
    assert (found.drifted, found.columns[0].says) == (["age"], "the current rows do not have this column")


def test_a_profile_of_another_kind_is_drift_in_words() -> None:
    other = profile(rows(300).with_columns(pl.lit("x").alias("age")), {**KINDS, "age": "category"})
    found = drift_between(profile(rows(500), KINDS), other)
    assert found.column("age").says == "of another type: kind 'category', where it was 'number'"


def test_an_empty_window_is_compared_with_nothing() -> None:
    found = plain(drift(rows(500), rows(0)))
    assert found.drifted == []
    assert {each.says for each in found.columns} == {"not compared: there are no current rows"}


def test_profiles_of_nothing_are_compared() -> None:
    assert drift_between(Profile.empty({}), Profile.empty({})).columns == []
    assert drift(rows(0), rows(10)).drifted == []


def test_half_the_rows_without_a_value_is_drift() -> None:
    after = rows(200, seed=2)
    after = after.with_columns(pl.when(pl.int_range(200) % 2 == 0).then("age").alias("age"))
    found = drift(rows(1000), after)
    assert found.drifted == ["age"]
    assert found.column("age").says == "missing: rows null or not finite 0 % → 50 %"


def test_a_category_never_seen_is_named() -> None:
    after = rows(200, seed=2).with_columns(pl.lit("gold").alias("plan"))
    found = drift(rows(1000), pl.concat([after, rows(200, seed=3)]))
    assert "never seen before: 'gold' (50 %)" in found.column("plan").says


def test_times_are_not_compared_as_numbers() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    frames = [
        pl.DataFrame({"at": [start + timedelta(days=day, hours=k) for k in range(200)]}) for day in (0, 90)
    ]
    found = drift_between(*[profile(frame, {"at": "time"}) for frame in frames])
    assert (found.drifted, found.columns[0].says) == ([], "not compared: times move on by themselves")


def test_numbers_at_the_ends_of_the_floats_give_figures() -> None:
    before = pl.DataFrame({"x": [1.7e308, -1.7e308, 0.0, math.inf] * 50})
    after = pl.DataFrame({"x": [1.7e308, 5e-324, 1.0, math.nan] * 50})
    found = drift_between(profile(before), profile(after))
    assert plain(found) == found


TEXTS = ["the flight was late again", "what a lovely day", "my phone is broken", "love this so much"]
OTHERS = [
    "the zoom of this camera is sharp",
    "battery life of the camera disappoints",
    "the camera takes ages",
]


def texts(of: list[str], count: int, seed: int) -> pl.DataFrame:
    generator = np.random.default_rng(seed)
    return pl.DataFrame({"text": [of[k] for k in generator.integers(0, len(of), count)]})


def test_texts_of_another_kind_are_drift_and_the_tokens_tell_it() -> None:
    known = {"text": Vocabulary.of(pl.Series(TEXTS))}
    reference = profile(texts(TEXTS, 600, 1), {"text": "text"}, known)
    same, other = reference.like(), reference.like()
    same.update(texts(TEXTS, 150, 2))
    other.update(texts(OTHERS, 150, 2))
    assert drift_between(reference, same).drifted == []
    found = plain(drift_between(reference, other))
    assert found.drifted == ["text"]
    assert {"words", "unknown words", "length", "tokens"} == {each.part for each in found.columns[0].parts}
    told = {each.token: each for each in found.tokens["text"]}
    assert told["camera"].z > 3
    assert told["camera"].current_share == 1.0
    assert told["day"].z < -3


def test_texts_that_are_all_empty_are_drift_not_an_error() -> None:
    reference = profile(texts(TEXTS, 600, 1), {"text": "text"}, {"text": Vocabulary.of(pl.Series(TEXTS))})
    current = reference.like()
    current.update(pl.DataFrame({"text": [""] * 100}))
    assert plain(drift_between(reference, current)).drifted == ["text"]


def test_windows_that_were_merged_give_what_one_gives() -> None:
    reference, after = profile(rows(1000), KINDS), rows(400, seed=2, age=44)
    parts = [profile(after[:150], KINDS), profile(after[150:], KINDS)]
    merged = drift_between(reference, parts[0].merge(parts[1]))
    assert merged.drifted == drift_between(reference, profile(after, KINDS)).drifted == ["age"]


def test_frames_give_what_their_profiles_give_while_sketches_are_exact() -> None:
    before, after = rows(1500), rows(500, seed=2, age=44)
    by_frames, by_profiles = drift_frames(before, after, KINDS), drift(before, after)
    for one, other in zip(by_frames.columns, by_profiles.columns, strict=True):
        assert (one.name, one.says) == (other.name, other.says)
        assert one.p_value == pytest.approx(other.p_value)
        assert one.effect == pytest.approx(other.effect)


def test_frames_that_lack_a_column_or_hold_another_type_are_drift() -> None:
    after = rows(200, seed=2).with_columns(pl.lit("forty").alias("age")).drop("plan")
    found = plain(drift_frames(rows(500), after))
    assert set(found.drifted) == {"age", "plan"}


def test_false_alarms_stay_under_alpha_over_many_windows() -> None:
    reference = rows(3000)
    false = sum(bool(drift_frames(reference, rows(150, seed=100 + k), KINDS).drifted) for k in range(200))
    assert false <= 6
