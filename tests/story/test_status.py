import pytest

from ropeway.story.operations import status


def test_an_empty_project_says_what_is_missing_and_begins_with_data(line):
    found = status(line.workspace)
    assert found.runs == found.predictions == 0
    assert found.live == []
    assert found.bar.best is None
    assert found.next_steps[0].startswith("ropeway data add FILE --name ")


def test_boxes_of_the_charter_are_filled_or_empty(project):
    workspace = project(
        '[project]\nname = "p"\n[charter]\nvalue = "much"\nbar = 0.6\n[inputs.rows]\ndataset = "tweets"\n'
    )
    found = status(workspace)
    assert found.filled == ["value"]
    assert len(found.filled) + len(found.empty) == 10
    assert found.bar.limit == 0.6


def test_the_best_run_is_the_best_by_the_charters_metric(line):
    line.run("run_aaaa", 0.55)
    line.run("run_bbbb", 0.62)
    line.run("run_cccc", 0.58)
    bar = status(line.workspace).bar
    assert (bar.best, bar.best_run) == (0.62, "run_bbbb")


def test_the_gate_and_what_is_live_are_shown_with_people(line):
    found = status(line.whole().workspace)
    assert (found.bar.judged, found.bar.passed, found.bar.bound) == ("sentiment@1", True, 0.57)
    (live,) = found.live
    assert (live.environment, live.ref, live.by) == ("production", "sentiment@1", "Ben")
    assert found.models == {"live": 1}


def test_use_is_counted_and_the_last_judgement_of_an_answer_holds(line):
    from ropeway.serving.feedback import append_feedback

    line.whole()
    prediction = line.ask("one", feedback="negative")
    line.ask("two")
    append_feedback(line.workspace.home, prediction, "positive")
    found = status(line.workspace)
    assert (found.predictions, found.judged, found.right) == (2, 1, 1)
    assert found.live[0].usage.predictions == 2


def test_advice_follows_the_line_from_link_to_link(line):
    toml = line.workspace.root / "ropeway.toml"
    toml.write_text('[project]\nname = "p"\n[inputs.rows]\ndataset = "tweets"\n')

    def advice():
        return status(line.workspace).next_steps[0]

    assert advice() == "ropeway data add FILE --name tweets"
    line.data()
    assert advice() == "ropeway run"
    line.run()
    assert advice() == "ropeway model register latest"
    line.register()
    assert advice() == "ropeway gate sentiment@1"
    line.gate()
    assert advice() == "ropeway model approve sentiment@1 --as SOMEONE-ELSE"
    line.release()
    assert advice() == "ropeway serve sentiment@production"
    prediction = line.ask("one")
    assert advice() == "ropeway feedback PREDICTION VALUE"
    from ropeway.serving.feedback import append_feedback

    append_feedback(line.workspace.home, prediction, "positive")
    assert advice() == "ropeway why sentiment@production"


def test_a_refused_version_is_answered_with_another_try(line):
    toml = line.workspace.root / "ropeway.toml"
    toml.write_text('[project]\nname = "p"\n[inputs.rows]\ndataset = "tweets"\n')
    line.data()
    line.run()
    line.register()
    line.gate(passed=False)
    assert status(line.workspace).next_steps[0] == "ropeway run --set NAME=VALUE"


def refuse(line, checks, number=1):
    from ropeway.core.hashing import digest_bytes
    from ropeway.models.events import GateCheck, GateEvaluated

    line.record(
        GateEvaluated(
            name="sentiment",
            number=number,
            passed=False,
            checks=[
                GateCheck(name="bar", passed=True, says="meets the bar", figure=0.6, limit=0.55),
                *[GateCheck(name=name, passed=False, says=says) for name, says in checks.items()],
            ],
            evidence=digest_bytes(b"evidence"),
            dataset=f"tweets@{digest_bytes(b'tweets')}",
            split=digest_bytes(b"split"),
            test_part=digest_bytes(b"part"),
            test_set=digest_bytes(b"set"),
            look=1,
            champion=None,
        )
    )


def test_a_refusal_is_told_in_the_words_of_what_refused(line):
    line.data()
    line.run()
    line.register()
    refuse(line, {"contract": "tweets@v1 breaks its contract"})
    assert status(line.workspace).bar.says == "tweets@v1 breaks its contract"


@pytest.mark.parametrize(
    ("check", "advice"),
    [
        ("agreement", "ropeway labels agreement mood"),
        ("contract", "ropeway data check tweets"),
        ("champion", "ropeway run --set NAME=VALUE"),
        ("signature", "ropeway run"),
    ],
)
def test_advice_after_a_refusal_depends_on_what_refused(line, check, advice):
    toml = line.workspace.root / "ropeway.toml"
    toml.write_text(
        '[project]\nname = "p"\n[inputs.rows]\ndataset = "tweets"\n[gate]\nagreement = "mood"\n'
        '[labels.mood]\ndataset = "raw"\nguide = "mood.md"\nratings = "ratings"\nsnapshot = "tweets"\n'
    )
    line.data()
    line.run()
    line.register()
    refuse(line, {check: "no"})
    assert status(line.workspace).next_steps[0] == advice


def test_a_version_that_was_recalled_since_its_gate_is_said_to_be(line):
    from ropeway.models.events import ModelRecalled

    line.whole()
    assert status(line.workspace).bar.since == ""
    line.record(ModelRecalled(name="sentiment", number=1, environments=["production"], reason="harm"))
    assert status(line.workspace).bar.since == "recalled"


def test_another_run_is_to_be_registered_under_the_name_that_the_model_has(line):
    toml = line.workspace.root / "ropeway.toml"
    toml.write_text('[project]\nname = "p"\n[inputs.rows]\ndataset = "tweets"\n')
    line.data()
    line.run()
    line.register()
    line.gate(passed=False)
    assert status(line.workspace).next_steps[1] == "ropeway model register latest --name sentiment"


def test_feedback_on_numbers_is_told_as_an_error_and_never_as_right_or_wrong(line):
    from ropeway.serving.feedback import append_feedback
    from ropeway.serving.log import PredictionLog

    line.whole()
    with PredictionLog(line.workspace.home, model="sentiment", environment="production") as log:
        asked = [
            log.add("sentiment@1", {"age": 3}, answer, None, at=log.clock.now(), latency_us=9)
            for answer in (10.0, 20.0)
        ]
    append_feedback(line.workspace.home, asked[0], 11.0)
    append_feedback(line.workspace.home, asked[1], 17.0)
    found = status(line.workspace)
    assert found.mean_error == 2.0
    assert found.feedback == "2 with feedback, mean absolute error 2"


def test_status_fits_one_screen(line, capsys):
    from ropeway.cli.main import main

    line.whole().ask("one", feedback="negative")
    with pytest.raises(SystemExit, match="0"):
        main(["status", "-C", str(line.workspace.root)])
    drawn = capsys.readouterr().out
    assert len(drawn.splitlines()) <= 24
    assert "● production  sentiment@1 since " in drawn
    assert "1 prediction, 1 with feedback, 0 of those right" in drawn
