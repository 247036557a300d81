import json

import pytest

from ropeway.core.hashing import digest_bytes
from ropeway.data.errors import DatasetNotFound
from ropeway.models.errors import UnknownVersion
from ropeway.predictions.errors import UnknownPrediction
from ropeway.story.errors import AmbiguousReference, UnknownReference
from ropeway.story.operations import why


def titles(links):
    """All titles on the way, depth first."""
    return [title for link in links for title in (link.thing.title, *titles(link.links))]


def test_a_prediction_leads_back_to_model_run_and_data(line):
    prediction = line.whole().ask("what a day")
    account = why(line.workspace, ref=prediction)
    assert titles(account.back) == ["model sentiment@1", "run run_aaaa", "dataset tweets@v1"]
    told = "\n".join(account.thing.lines)
    assert '"what a day"' in told
    assert '"positive" (0.83)' in told


def test_the_way_back_names_people_gate_and_code(line):
    prediction = line.whole().ask("what a day")
    model = why(line.workspace, ref=prediction).back[0]
    assert model.thing.by == "Ana"
    told = "\n".join(model.thing.lines)
    assert "gate passed" in told
    assert "reaches the bar of 0.55" in told
    assert "approved" in told
    assert "by Ben" in told
    run = model.links[0].thing
    assert "c = 5" in run.lines
    assert any("commit abcdef0123 with uncommitted changes" in each for each in run.lines)


def test_feedback_is_the_way_forward_of_a_prediction(line):
    prediction = line.whole().ask("oh great", feedback="negative")
    (said,) = why(line.workspace, ref=prediction).forward
    assert (said.thing.title, said.thing.by, said.thing.lines) == ('feedback: "negative"', "Cleo", ["irony"])


def test_a_model_can_be_asked_for_by_number_environment_or_name(line):
    line.whole()
    for ref in ("sentiment@1", "sentiment@production", "sentiment", "model:sentiment@1"):
        assert why(line.workspace, ref=ref).thing.title == "model sentiment@1"


def test_a_model_leads_forward_to_its_use(line):
    line.whole()
    line.ask("one", feedback="positive")
    line.ask("two", feedback="negative")
    line.ask("three")
    assert titles(why(line.workspace, ref="sentiment@1").forward) == [
        "3 predictions, 2 with feedback, 1 of those right"
    ]


def test_a_dataset_leads_forward_to_runs_models_and_use(line):
    line.whole().ask("one")
    account = why(line.workspace, ref="tweets")
    assert account.back == []
    assert titles(account.forward) == [
        "run run_aaaa",
        "model sentiment@1",
        "1 prediction, no feedback",
    ]
    assert account.thing.title == "dataset tweets@v1"
    assert any("4,200 rows, from tweets.csv, brought by Ana" in each for each in account.thing.lines)


def test_a_dataset_version_can_be_asked_for_by_ordinal_and_by_digest(line):
    line.data()
    line.data(version=digest_bytes(b"more"), ordinal=2)
    for ref, title in (
        ("tweets@v1", "tweets@v1"),
        ("tweets", "tweets@v2"),
        (f"tweets@{digest_bytes(b'tweets')[:8]}", "tweets@v1"),
    ):
        assert why(line.workspace, ref=ref).thing.title == f"dataset {title}"


def test_a_run_can_be_asked_for_by_a_beginning_and_as_the_latest(line):
    line.whole()
    for ref in ("run_aaaa", "run_a", "latest"):
        assert why(line.workspace, ref=ref).thing.title == "run run_aaaa"


def test_a_beginning_that_fits_two_runs_is_ambiguous(line):
    line.run("run_ab12")
    line.run("run_ab34")
    with pytest.raises(AmbiguousReference, match="run_ab12, run_ab34"):
        why(line.workspace, ref="run_ab")


def test_a_refused_version_says_what_it_failed(line):
    line.data()
    line.run()
    line.register()
    line.gate(passed=False)
    told = "\n".join(why(line.workspace, ref="sentiment@1").thing.lines)
    assert "gate refused" in told
    assert "misses the bar" in told


@pytest.mark.parametrize(
    ("ref", "error", "match"),
    [
        ("sentimnet@1", UnknownReference, "Did you mean 'sentiment'"),
        ("twets", UnknownReference, "Did you mean 'tweets'"),
        ("run_zzzz", UnknownReference, "run_zzzz"),
        ("sentiment@7", UnknownVersion, "sentiment@7"),
        ("tweets@v9", DatasetNotFound, "tweets@v9"),
        ("p-00000000-1-0", UnknownPrediction, "p-00000000-1-0"),
    ],
)
def test_what_is_not_there_is_said_with_the_nearest_name(line, ref, error, match):
    line.whole()
    with pytest.raises(error, match=match):
        why(line.workspace, ref=ref)


def test_a_thing_that_two_ways_lead_to_is_told_once(line):
    line.data()
    other = digest_bytes(b"other")
    line.data("words", other)
    line.run(inputs=(f"dataset:tweets@{digest_bytes(b'tweets')}", f"dataset:words@{other}"))
    line.register()
    account = why(line.workspace, ref="sentiment@1")
    assert titles(account.back) == ["run run_aaaa", "dataset tweets@v1", "dataset words@v1"]


def test_many_runs_on_one_dataset_are_cut_to_the_newest_and_counted(line):
    line.data()
    for number in range(15):
        line.run(f"run_{number:04d}")
    line.register(run="run_0000")
    account = why(line.workspace, ref="tweets")
    shown = titles(account.forward)
    assert "model sentiment@1" in shown
    assert "run run_0014" in shown
    assert account.left_out == 3


def test_why_draws_a_tree_and_its_json_is_an_account(line, capsys):
    from ropeway.cli.main import main

    prediction = line.whole().ask("what a day", feedback="negative")
    with pytest.raises(SystemExit, match="0"):
        main(["why", prediction, "-C", str(line.workspace.root)])
    drawn = capsys.readouterr().out
    assert "came from\n" in drawn
    assert "└─ dataset tweets@v1   Ana, " in drawn
    assert 'feedback: "negative"   Cleo' in drawn
    with pytest.raises(SystemExit, match="0"):
        main(["why", prediction, "--json", "-C", str(line.workspace.root)])
    account = json.loads(capsys.readouterr().out)
    assert account["back"][0]["thing"]["ref"] == "model:sentiment@1"
    assert account["prediction"]["inputs"] == {"text": "what a day"}
