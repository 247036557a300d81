"""Labels on the way back: from a snapshot to ratings, guide and the people who decided."""

import pytest

from ropeway.core.hashing import digest_bytes
from ropeway.labels.events import (
    AgreementMeasured,
    GuidePublished,
    LabelAdjudicated,
    LabelsSnapshotted,
    RatingsImported,
)
from ropeway.story.operations import status, why
from ropeway.story.tell import agreement_line

RAW = digest_bytes(b"raw")
TWEETS = digest_bytes(b"tweets")
RATINGS = digest_bytes(b"ratings")
GUIDE = digest_bytes(b"guide")

LABELS_TOML = """
[project]
name = "p"
[inputs.rows]
dataset = "tweets"
[labels.sentiment]
dataset = "raw"
guide = "guides/sentiment.md"
ratings = "ratings"
snapshot = "tweets"
"""


@pytest.fixture
def labelled(line):
    line.data("raw", RAW)
    line.record(GuidePublished(name="sentiment", version=GUIDE))
    line.record(
        RatingsImported(
            labels="sentiment",
            ratings=RATINGS,
            dataset="raw",
            dataset_version=RAW,
            guide="sentiment",
            guide_version=GUIDE,
            items=4200,
            unrated=0,
            count=159_750,
            fewest=20,
            most=99,
            raters=None,
        )
    )
    line.record(
        AgreementMeasured(
            labels="sentiment",
            ratings=RATINGS,
            level="interval",
            alpha=0.783,
            low=0.775,
            high=0.792,
            confidence=0.95,
            resamples=1000,
            seed=0,
            units=4200,
            count=159_750,
            undefined="",
        )
    )
    line.record(
        LabelAdjudicated(labels="sentiment", ratings=RATINGS, item="7", label="neutral", reason=None),
        by=line.ben,
    )
    line.data("tweets", TWEETS)
    line.record(
        LabelsSnapshotted(
            labels="sentiment",
            ratings=RATINGS,
            dataset="tweets",
            version=TWEETS,
            classes={"negative": 1087, "positive": 2345},
            adjudicated=1,
            left_out=0,
            disputed=516,
        )
    )
    return line


def test_a_snapshot_leads_back_to_ratings_raw_data_and_guide(labelled):
    account = why(labelled.workspace, ref="tweets")
    (ratings,) = account.back
    assert [link.thing.title.partition("@")[0] for link in ratings.links] == [
        "dataset raw",
        "guide sentiment",
    ]
    assert (
        "labels: negative 1,087, positive 2,345; 1 decided by a person; 516 disputed" in account.thing.lines
    )


def test_ratings_tell_how_many_anonymous_people_agreed_how_far_and_who_decided(labelled):
    ratings = why(labelled.workspace, ref="tweets").back[0].thing
    assert ratings.lines == [
        "4,200 items, 159,750 ratings, 20 to 99 anonymous raters an item",
        "agreement \u03b1 0.783 (0.775 to 0.792), interval",
        "1 item decided by Ben",
    ]


def test_decisions_after_a_snapshot_are_no_part_of_its_labels(labelled):
    labelled.record(
        LabelAdjudicated(labels="sentiment", ratings=RATINGS, item="8", label="neutral", reason=None)
    )
    assert why(labelled.workspace, ref="tweets").back[0].thing.lines[-1] == "1 item decided by Ben"
    assert why(labelled.workspace, ref=f"ratings:sentiment@{RATINGS}").thing.lines[-1] == (
        "2 items decided by Ben, Ana"
    )


def test_status_shows_the_newest_agreement(labelled):
    assert status(labelled.workspace).agreement == [
        "sentiment: agreement \u03b1 0.783 (0.775 to 0.792), interval"
    ]


def test_half_an_interval_is_told_as_none():
    measured = {"alpha": 0.5, "low": 0.4, "high": None, "level": "nominal"}
    assert agreement_line(measured) == "agreement \u03b1 0.500, nominal"


def test_raw_data_leads_forward_through_the_labels(labelled):
    ratings = why(labelled.workspace, ref="raw").forward[0]
    assert ratings.thing.title == "ratings 'sentiment'"
    assert ratings.links[0].thing.title == "dataset tweets@v1"


def test_advice_for_a_labelled_project_goes_through_the_ratings(line):
    (line.workspace.root / "ropeway.toml").write_text(LABELS_TOML)
    assert status(line.workspace).next_steps == ["ropeway data add FILE --name raw"]
    line.data("raw", RAW)
    assert status(line.workspace).next_steps == ["ropeway labels import sentiment"]
