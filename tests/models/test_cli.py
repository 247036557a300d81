import json

import pytest
from models_packages import judge, make_live, register

from ropeway.cli.main import main
from ropeway.workspace import LocalWorkspace


@pytest.fixture
def say(ana: LocalWorkspace, capsys):
    """Run a command line in ana's project; gives exit code, standard output and standard error."""

    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main([*words, "-C", str(ana.root)])
        out, err = capsys.readouterr()
        return int(left.value.code or 0), out, err

    return run


def test_list_of_nothing_says_what_to_type(say):
    code, out, _ = say("model", "list")
    assert code == 0
    assert "ropeway model register latest" in out


def test_list_shows_state_and_environment(say, ana: LocalWorkspace, ben: LocalWorkspace):
    make_live(ana, ben, register(ana))
    _, out, _ = say("model", "list")
    assert "sentiment@1" in out
    assert "● live" in out
    assert "production" in out


def test_approving_ones_own_is_an_error_with_code_and_next_step(say, ana: LocalWorkspace):
    judge(ana, register(ana))
    code, _, err = say("model", "approve", "sentiment@1", "--as", "ana")
    assert code == 3
    assert "error[four-eyes]" in err
    assert "ropeway model approve sentiment@1 --as SOMEONE-ELSE" in err


def test_a_version_goes_its_way_by_commands(say, ana: LocalWorkspace):
    judge(ana, register(ana))
    _, out, _ = say("model", "approve", "sentiment", "--as", "ben")
    assert "approved" in out
    assert "ropeway model promote sentiment@1" in out
    code, out, _ = say("model", "promote", "sentiment@1", "--as", "ben")
    assert (code, "ropeway serve sentiment@production" in out) == (0, True)
    code, out, _ = say("model", "history", "sentiment", "--at", "2026-01-01")
    assert "production: sentiment@1, since 2026-01-01" not in out  # the commands act today, by the real clock
    _, out, _ = say("model", "history", "sentiment@1")
    assert [word in out for word in ("register", "gate", "approve", "promote")] == [True] * 4
    assert say("model", "recall", "sentiment@1", "--reason", "harm")[0] == 0
    assert "nothing (recalled)" in say("model", "history", "sentiment", "--at", "2999-01-01")[1]


def test_unknown_models_exit_with_four(say, ana: LocalWorkspace):
    register(ana)
    code, _, err = say("model", "show", "sentimen")
    assert (code, "Did you mean 'sentiment'" in err) == (4, True)
    code, _, err = say("model", "route", "sentimen")
    assert (code, "Did you mean 'sentiment'" in err) == (4, True)


def test_show_prints_the_code_to_be_read(say, ana: LocalWorkspace):
    register(ana)
    _, out, _ = say("model", "show", "sentiment", "--code")
    assert "not approved here" in out
    assert "# nothing to see" in out


def test_answers_are_json_when_asked(say, ana: LocalWorkspace):
    version = register(ana)
    answer = json.loads(say("model", "show", "sentiment", "--json")[1])
    assert answer["version"]["content"] == version.content
    assert json.loads(say("model", "trust", version.source[:12], "--json")[1])["known"] is False


def test_the_card_of_a_candidate_says_that_nothing_is_known(say, ana: LocalWorkspace):
    register(ana)
    _, out, _ = say("model", "card", "sentiment")
    assert out.startswith("# sentiment@1\n")
    assert "It has not been through the gate" in out
