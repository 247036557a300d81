import polars as pl
import pytest
from tests.labels.conftest import OPINIONS, POSTS, TOML

from ropeway.core.errors import Refused
from ropeway.data.add import add
from ropeway.data.errors import ColumnNotFound, DatasetNotFound
from ropeway.labels.errors import BadRatings, GuideMissing, LabelSetNotFound, RatingsNotFound
from ropeway.labels.operations import latest_ratings, list_ratings
from ropeway.labels.ratings import import_ratings, load_ratings
from ropeway.ledger import edge


def rated(ratings, dtype=None):
    return {
        "id": [f"p{number}" for number in range(len(ratings))],
        "text": ["t"] * len(ratings),
        "ratings": ratings,
    }


def events(workspace):
    with workspace.ledger.reading() as connection:
        return [type(fact.event).__name__ for fact in workspace.ledger.facts(connection)]


def test_ratings_in_lists_are_taken_in_long_form(workspace, posts):
    found = import_ratings(workspace, "mood")
    assert (found.items, found.unrated, found.count, found.fewest, found.most) == (5, 1, 13, 3, 4)
    assert found.raters is None
    assert found.who == "3 to 4 anonymous raters an item"
    assert (found.guide, found.by) == ("mood", "ana")
    long = load_ratings(workspace.store, found.ratings)
    assert long.filter(pl.col("item") == "p2")["value"].to_list() == [0, 1, -1]
    assert long.filter(pl.col("item") == "p5")["value"].to_list() == [None]


def test_ratings_one_a_row_name_their_raters(workspace, opinions):
    found = import_ratings(workspace, "kind")
    assert (found.items, found.count, found.raters, found.who) == (3, 9, 4, "4 raters")
    assert latest_ratings(workspace, labels="kind") == found


def test_data_and_guide_lead_to_the_ratings(workspace, posts):
    found = import_ratings(workspace, "mood")
    with workspace.ledger.reading() as connection:
        edges = {(row.upstream, row.relation, row.downstream) for row in connection.execute(edge.select())}
    assert (posts.reference, "rated", found.reference) in edges
    assert (f"guide:mood@{found.guide_version}", "guided", found.reference) in edges


def test_the_same_ratings_again_are_no_news(workspace, posts):
    first = import_ratings(workspace, "mood")
    before = events(workspace)
    assert import_ratings(workspace, "mood") == first
    assert events(workspace) == before


def test_a_changed_guide_is_a_new_version(workspace, posts):
    first = import_ratings(workspace, "mood")
    (workspace.root / "guides" / "mood.md").write_text("# Mood, second edition\n")
    second = import_ratings(workspace, "mood")
    assert second.ratings == first.ratings
    assert second.guide_version != first.guide_version
    assert events(workspace).count("GuidePublished") == 2


def test_every_label_set_is_listed_with_its_latest_import(workspace, posts, opinions):
    assert list_ratings(workspace) == []
    import_ratings(workspace, "mood")
    import_ratings(workspace, "kind")
    assert [found.labels for found in list_ratings(workspace)] == ["kind", "mood"]


def test_an_unknown_label_set_is_refused(workspace):
    with pytest.raises(LabelSetNotFound, match="Did you mean 'mood'"):
        import_ratings(workspace, "moods")


def test_nothing_imported_says_how_to_import(workspace):
    with pytest.raises(RatingsNotFound, match="ropeway labels import mood"):
        latest_ratings(workspace, labels="mood")


def test_a_missing_dataset_is_refused(workspace):
    with pytest.raises(DatasetNotFound, match="no dataset 'posts'"):
        import_ratings(workspace, "mood")


def test_a_missing_guide_is_refused(workspace, posts):
    (workspace.root / "guides" / "mood.md").unlink()
    with pytest.raises(GuideMissing, match=r"(?s)no guide 'guides/mood\.md'.*write down"):
        import_ratings(workspace, "mood")


def test_values_outside_the_scale_are_refused_with_their_item(workspace, bring):
    bring("posts", rated([[1, 2], [0, 5, 7]]), ratings=pl.List(pl.Int8))
    with pytest.raises(BadRatings, match=r"5 on item 'p1' is outside the scale \(2 such ratings\)") as caught:
        import_ratings(workspace, "mood")
    assert caught.value.code == "bad-ratings"


def test_no_ratings_at_all_are_refused(workspace, bring):
    bring("posts", rated([[], None]), ratings=pl.List(pl.Int8))
    with pytest.raises(BadRatings, match="all are empty"):
        import_ratings(workspace, "mood")


def test_words_on_an_interval_scale_are_refused(workspace, bring):
    bring("posts", rated([["good"], ["bad"]]))
    with pytest.raises(BadRatings, match="they are words, such as 'good'"):
        import_ratings(workspace, "mood")


def test_single_values_where_lists_are_due_are_refused(workspace, bring):
    bring("posts", rated([1, 2]))
    with pytest.raises(BadRatings, match='value = "ratings" instead'):
        import_ratings(workspace, "mood")


def test_lists_where_single_values_are_due_are_refused(workspace, bring):
    bring("opinions", OPINIONS | {"kind": [["praise"]] * 9})
    with pytest.raises(BadRatings, match='ratings = "kind" instead'):
        import_ratings(workspace, "kind")


def test_an_item_in_two_rows_is_refused(workspace, bring):
    bring("posts", rated([[1], [2]]) | {"id": ["same", "same"]}, ratings=pl.List(pl.Int8))
    with pytest.raises((BadRatings, Refused), match="same"):
        import_ratings(workspace, "mood")


def test_a_rater_twice_on_one_item_is_refused(workspace, bring):
    bring("opinions", OPINIONS | {"who": ["ann", "ann", *OPINIONS["who"][2:]]})
    with pytest.raises(BadRatings, match="'ann' rated item 'a' more than once"):
        import_ratings(workspace, "kind")


def test_a_nameless_rater_among_named_ones_is_refused(workspace, bring):
    bring("opinions", OPINIONS | {"who": [None, *OPINIONS["who"][1:]]})
    with pytest.raises(BadRatings, match="1 have no 'who'"):
        import_ratings(workspace, "kind")


def test_a_column_that_is_not_there_is_named(workspace, bring):
    bring("posts", {"id": ["a"], "text": ["t"], "rating": [[1]]})
    with pytest.raises(ColumnNotFound, match="Did you mean 'rating'"):
        import_ratings(workspace, "mood")


def test_data_that_breaks_its_contract_is_not_labelled(project, tmp_path):
    workspace = project(TOML, **{"guides/mood.md": "# Mood\n"})
    (workspace.root / "contracts").mkdir()
    (workspace.root / "contracts" / "posts.toml").write_text("[columns.id]\n[columns.text]\n")
    pl.DataFrame(POSTS, schema_overrides={"ratings": pl.List(pl.Int8)}).write_parquet(
        tmp_path / "posts.parquet"
    )
    add(workspace, tmp_path / "posts.parquet")
    with pytest.raises(Refused, match="breaks its contract"):
        import_ratings(workspace, "mood")
