"""The worked example: the data is what its README says, and its check finds what is wrong with it."""

import random

import polars as pl
import pytest

from ropeway import examples
from ropeway.data.add import add
from ropeway.data.assign import assign_split
from ropeway.data.checks import run_checks
from ropeway.data.load import load, require_trainable, resolve
from ropeway.examples import ExampleMissing
from ropeway.labels.measure import measure
from ropeway.labels.operations import queue, ratings_behind
from ropeway.labels.ratings import import_ratings
from ropeway.labels.snapshot import snapshot
from ropeway.workspace import open_workspace

CHECK = "published_mean_is_the_mean_of_the_ratings"


@pytest.fixture
def tweets():
    return pl.read_parquet(examples.path("tweets/data/tweets.parquet"))


@pytest.fixture
def reviews():
    return pl.read_parquet(examples.path("tweets/data/reviews.parquet"))


@pytest.fixture
def workspace(tmp_path):
    examples.copy_template("tweets", tmp_path / "project")
    with open_workspace(tmp_path / "project", actor="Ana") as opened:
        yield opened


def check(rows, dataset="ratings"):
    (found,) = run_checks(examples.path("tweets/checks.py"), dataset, rows, key=["id"])
    return found


def test_the_tweets_are_all_there(tweets):
    assert tweets.shape == (4200, 4)
    assert tweets["ratings"].list.len().sum() == 159_750
    assert tweets["ratings"].list.len().min() == 20
    assert tweets["ratings"].list.len().max() == 99
    assert set(tweets["ratings"].explode()) == set(range(-4, 5))
    assert tweets["id"].n_unique() == 4200
    assert tweets.schema == {
        "id": pl.String,
        "text": pl.String,
        "published_mean": pl.Float64,
        "ratings": pl.List(pl.Int8),
    }


def test_the_reviews_are_all_there(reviews):
    assert reviews.shape == (3708, 4)
    assert set(reviews["ratings"].list.len()) == {20}
    assert reviews["id"][0] == "1_1"


def test_the_form_of_the_raw_files_is_gone_and_the_texts_are_whole(tweets, reviews):
    for frame in (tweets, reviews):
        assert not frame["text"].str.contains(r"[\r\n\t\ufeff]").any()
        assert not frame["id"].str.contains(r"[^0-9_]").any()
    assert tweets["text"].str.contains("&amp;", literal=True).sum() > 100
    assert tweets["text"].str.contains("£").sum() == 1


def test_the_check_finds_the_199_means_that_cannot_be_right(tweets, reviews):
    found = check(tweets)
    assert (found.name, found.severity, found.offending) == (CHECK, "warn", 199)
    assert "2" in found.examples
    assert check(reviews, "reviews").offending == 0


def test_the_check_finds_a_seeded_corruption_of_25_other_rows(tweets):
    file_check = check(tweets)
    off = (pl.col("published_mean") - pl.col("ratings").list.mean()).abs() > 0.001
    sound = tweets.with_row_index().filter(~off)["index"].to_list()
    drawn = random.Random(20260101)
    means = tweets["published_mean"].to_list()
    for row in drawn.sample(sound, 25):
        means[row] += drawn.choice([-1, 1]) * drawn.uniform(0.0011, 2)
    corrupted = tweets.with_columns(published_mean=pl.Series(means))
    assert check(corrupted).offending == file_check.offending + 25


def test_the_example_goes_from_ratings_to_a_labelled_version(workspace):
    raw = add(workspace, workspace.root / "data" / "tweets.parquet", name="ratings").version
    require_trainable(raw)
    assert [(found.name, found.offending) for found in raw.checks] == [(CHECK, 199)]
    imported = import_ratings(workspace, "sentiment")
    assert (imported.count, imported.who) == (159_750, "20 to 99 anonymous raters an item")
    measured = measure(workspace, "sentiment")
    assert measured.alpha == pytest.approx(0.78, abs=0.005)
    assert 0.77 < measured.low < measured.alpha < measured.high < 0.80
    waiting = queue(workspace, labels="sentiment", limit=3)
    assert waiting.waiting == 517
    assert waiting.items[0].shown["text"]
    made = snapshot(workspace, "sentiment")
    assert made.classes == {"negative": 1087, "neutral": 768, "positive": 2345}
    version = resolve(workspace, "tweets")
    require_trainable(version)
    assert load(workspace, version).columns[:3] == ["id", "text", "sentiment"]
    behind = ratings_behind(workspace, reference="tweets", item="2")
    assert (behind.who, behind.label, behind.mean) == (
        "99 anonymous raters",
        "positive",
        pytest.approx(2.2626, abs=1e-4),
    )
    record = assign_split(workspace, version, workspace.project.inputs["rows"])
    assert record.rows == 4200
    assert record.clusters == 4200 - 158
    assert all(
        abs(record.parts[part] / 4200 - share) < 0.03 for part, share in (("train", 0.6), ("test", 0.2))
    )


def test_the_charter_of_the_example_is_complete(workspace):
    from ropeway.workspace.tables.charter import CANVAS

    charter = workspace.project.charter
    assert all(getattr(charter, box).strip() for box in CANVAS)
    assert (charter.bar, charter.confidence, charter.metric) == (0.55, 0.95, "macro_f1")
    assert workspace.project.params == {"c": 1.0, "balanced": False}


def test_a_copy_leaves_what_is_there_alone(tmp_path):
    (tmp_path / "pipeline.py").write_text("mine\n")
    written = examples.copy_template("tweets", tmp_path)
    assert (tmp_path / "pipeline.py").read_text() == "mine\n"
    assert tmp_path / "data" / "tweets.parquet" in written
    assert examples.copy_template("tweets", tmp_path) == []


def test_a_copy_names_sources_and_licences(tmp_path):
    examples.copy_template("tweets", tmp_path)
    readme = (tmp_path / "README.md").read_text()
    assert all(word in readme for word in ("Hutto", "Gilbert", "MIT", "Hu and Bing Liu", "CC BY 4.0"))
    assert "Copyright (c) 2016 C.J. Hutto" in (tmp_path / "LICENSE-DATA.txt").read_text()


@pytest.mark.parametrize("name", ["tweet", "tweets/data/tweet.parquet", "../data", "/etc/passwd"])
def test_an_unknown_example_is_refused(name):
    with pytest.raises(ExampleMissing, match="no example"):
        examples.read_bytes(name)


def test_bytes_are_those_of_the_file(tweets):
    assert examples.read_bytes("tweets/data/tweets.parquet")[:4] == b"PAR1"
