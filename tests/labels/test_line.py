"""From ratings to a labelled version: agreement, queue, adjudication, snapshot, and the way back."""

import polars as pl
import pytest
from tests.labels.conftest import POSTS, TOML

from ropeway.data.add import add
from ropeway.data.load import load, resolve
from ropeway.labels.errors import BadLabel, BadRatings, ItemNotFound, RatingsNotFound
from ropeway.labels.measure import measure
from ropeway.labels.operations import (
    adjudicate,
    latest_agreement,
    list_adjudications,
    queue,
    ratings_behind,
)
from ropeway.labels.ratings import import_ratings
from ropeway.labels.snapshot import snapshot
from ropeway.ledger import edge
from ropeway.stats.agreement import krippendorff_alpha
from ropeway.testing import make_workspace


@pytest.fixture
def moods(workspace, posts):
    return import_ratings(workspace, "mood")


@pytest.fixture
def kinds(workspace, opinions):
    return import_ratings(workspace, "kind")


def test_agreement_is_measured_at_the_sets_scale_and_recorded(workspace, moods):
    measured = measure(workspace, "mood")
    units = [item for item, values in zip(POSTS["id"], POSTS["ratings"], strict=True) for _ in values]
    values = [value for values in POSTS["ratings"] for value in values]
    numbers = [POSTS["id"].index(unit) for unit in units]
    assert measured.alpha == pytest.approx(krippendorff_alpha(numbers, values, "interval"))
    assert (measured.level, measured.confidence, measured.units, measured.count) == ("interval", 0.95, 4, 13)
    assert latest_agreement(workspace, labels="mood") == measured
    assert latest_agreement(workspace, labels="mood", ratings=moods.ratings) == measured
    assert latest_agreement(workspace, labels="mood", ratings="0" * 64) is None
    assert latest_agreement(workspace, labels="kind") is None


def test_agreement_of_words_is_nominal(workspace, kinds):
    assert measure(workspace, "kind").level == "nominal"


def test_the_same_measurement_twice_is_recorded_once(workspace, moods):
    assert measure(workspace, "mood") == measure(workspace, "mood")


def test_agreement_of_equal_ratings_is_undefined_with_a_reason(workspace, bring):
    bring("posts", {"id": ["a", "b"], "text": ["x", "y"], "ratings": [[1, 1], [1, 1]]})
    import_ratings(workspace, "mood")
    measured = measure(workspace, "mood")
    assert measured.alpha is None
    assert "all ratings are equal" in measured.undefined


def test_agreement_of_one_rater_is_undefined_with_a_reason(workspace, bring):
    bring("posts", {"id": ["a", "b"], "text": ["x", "y"], "ratings": [[1], [2]]})
    import_ratings(workspace, "mood")
    assert "two ratings" in measure(workspace, "mood").undefined


def test_the_queue_holds_ties_and_small_majorities_with_what_to_decide_by(workspace, moods):
    waiting = queue(workspace, labels="mood")
    assert [found.item for found in waiting.items] == ["p5", "p2", "p4"]
    assert (waiting.waiting, waiting.decided, waiting.below) == (3, 0, 0.6)
    assert waiting.choices == ["bad", "flat", "good"]
    assert waiting.items[2].shown == {"text": "odd"}
    assert waiting.items[2].is_tie
    assert [found.item for found in queue(workspace, labels="mood", limit=1).items] == ["p5"]


def test_a_decision_takes_an_item_off_the_queue(workspace, moods):
    made = adjudicate(workspace, labels="mood", item="p4", label="good", reason="irony")
    assert (made.item, made.label, made.reason, made.by) == ("p4", "good", "irony", "ana")
    waiting = queue(workspace, labels="mood")
    assert [found.item for found in waiting.items] == ["p5", "p2"]
    assert waiting.decided == 1


def test_a_later_decision_stands_and_both_are_kept(workspace, moods):
    adjudicate(workspace, labels="mood", item="p4", label="good")
    adjudicate(workspace, labels="mood", item="p4", label="bad")
    assert [decision.label for decision in list_adjudications(workspace, labels="mood")] == ["bad"]
    with workspace.ledger.reading() as connection:
        names = [type(fact.event).__name__ for fact in workspace.ledger.facts(connection)]
    assert names.count("LabelAdjudicated") == 2


def test_a_label_that_the_set_lacks_is_refused(workspace, moods):
    with pytest.raises(BadLabel, match=r"(?s)'great' is no label of 'mood'.*bad, flat, good"):
        adjudicate(workspace, labels="mood", item="p4", label="great")


def test_an_item_that_is_not_there_is_refused(workspace, moods):
    with pytest.raises(ItemNotFound, match=r"no rated item 'p44'\. Did you mean 'p4'"):
        adjudicate(workspace, labels="mood", item="p44", label="good")


def test_a_snapshot_is_a_labelled_dataset_version(workspace, moods):
    made = snapshot(workspace, "mood")
    assert made.is_new
    assert made.classes == {"bad": 1, "flat": 2, "good": 1}
    assert (made.adjudicated, made.left_out, made.disputed) == (0, 1, 2)
    version = resolve(workspace, "moods")
    assert version == made.version
    assert version.label_columns == ["mood", "mood_mean", "mood_share", "mood_ratings"]
    assert version.contract_ok
    frame = load(workspace, version)
    assert frame.columns == ["id", "text", "mood", "mood_mean", "mood_share", "mood_ratings"]
    assert frame.row(0) == ("p1", "wonderful", "good", pytest.approx(5 / 3), 1.0, 3)


def test_decisions_stand_over_ratings_in_a_snapshot(workspace, moods):
    adjudicate(workspace, labels="mood", item="p4", label="bad")
    adjudicate(workspace, labels="mood", item="p5", label="good")
    made = snapshot(workspace, "mood")
    frame = load(workspace, made.version)
    assert dict(frame.select("id", "mood").iter_rows())["p4"] == "bad"
    assert frame.filter(pl.col("id") == "p5").select("mood", "mood_mean", "mood_ratings").row(0) == (
        "good",
        None,
        0,
    )
    assert (made.adjudicated, made.left_out, made.disputed) == (2, 0, 1)


def test_decisions_hold_for_items_whose_keys_became_floats(workspace, bring, tmp_path):
    # A decision on item 4 was no longer one on item 4.0.
    numbered = {**POSTS, "id": [1, 2, 3, 4, 5]}
    bring("posts", numbered, ratings=pl.List(pl.Int8))
    import_ratings(workspace, "mood")
    adjudicate(workspace, labels="mood", item="4", label="bad")
    bring("posts", numbered, ratings=pl.List(pl.Int8), id=pl.Float64)
    add(workspace, tmp_path / "posts.parquet", new_contract=True)
    import_ratings(workspace, "mood")
    frame = load(workspace, snapshot(workspace, "mood").version)
    assert frame.filter(pl.col("id") == 4)["mood"].to_list() == ["bad"]


def test_a_snapshot_of_the_same_labels_is_the_same_version(workspace, moods):
    first, second = snapshot(workspace, "mood"), snapshot(workspace, "mood")
    assert not second.is_new
    assert second.version == first.version


def test_words_make_a_snapshot_by_majority_and_ties_are_left_out(workspace, kinds):
    made = snapshot(workspace, "kind")
    frame = load(workspace, made.version)
    assert frame.columns == ["id", "text", "kind", "kind_share", "kind_ratings"]
    assert dict(frame.select("id", "kind").iter_rows()) == {"a": "praise", "c": "query"}
    assert made.left_out == 1


def test_lineage_leads_from_data_over_ratings_to_labels(workspace, moods, posts):
    made = snapshot(workspace, "mood")
    with workspace.ledger.reading() as connection:
        edges = {(row.upstream, row.downstream) for row in connection.execute(edge.select())}
    assert (posts.reference, moods.reference) in edges
    assert (moods.reference, made.version.reference) in edges


def test_a_label_can_be_asked_for_the_ratings_behind_it(workspace, moods):
    adjudicate(workspace, labels="mood", item="p4", label="bad", reason="context")
    made = snapshot(workspace, "mood")
    adjudicate(workspace, labels="mood", item="p1", label="flat")
    found = ratings_behind(workspace, reference=made.version.reference, item="p4")
    assert (found.label, found.count, found.who) == ("bad", 4, "4 anonymous raters")
    assert found.values == {"-2": 2, "2": 2}
    assert found.guide_version == moods.guide_version
    assert (found.adjudication.label, found.adjudication.reason) == ("bad", "context")
    # Decided after the snapshot: not what stands in it.
    assert ratings_behind(workspace, reference="moods", item="p1").adjudication is None
    assert ratings_behind(workspace, reference="moods", item="nobody") is None
    assert ratings_behind(workspace, reference="posts", item="p1") is None


def test_nothing_imported_makes_no_snapshot(workspace):
    with pytest.raises(RatingsNotFound, match="labels import"):
        snapshot(workspace, "mood")


def test_a_kept_column_with_the_labels_name_is_refused(workspace, moods):
    toml = workspace.root / "ropeway.toml"
    toml.write_text(TOML.replace("[labels.mood]", "[labels.text]"))
    import_ratings(workspace, "text")
    with pytest.raises(BadRatings, match="has the name of a label column"):
        snapshot(workspace, "text")


def test_a_replay_gives_the_same_tables(workspace, moods):
    from ropeway.ledger.projections import projected_rows

    measure(workspace, "mood")
    adjudicate(workspace, labels="mood", item="p4", label="bad", reason="context")
    snapshot(workspace, "mood")
    with workspace.ledger.reading() as connection:
        before = projected_rows(connection)
    workspace.ledger.rebuild()
    with workspace.ledger.reading() as connection:
        assert projected_rows(connection) == before


def test_another_persons_decision_carries_their_name(workspace, moods):
    with make_workspace(workspace.root, toml=TOML, actor="bea") as other:
        assert adjudicate(other, labels="mood", item="p2", label="flat").by == "bea"
