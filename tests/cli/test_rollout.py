"""`ropeway release`, `rollout`, `rollback`, `model route` and `model history`, as they are typed."""

import json
import sys
from pathlib import Path

import pytest

from ropeway.cli.main import main

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS / "models"), str(TESTS / "continuous" / "rollouts")]

from rollouts_world import World, right_in  # noqa: E402

BETTER = {"live": right_in(0.4), "candidate": right_in(1.0)}


@pytest.fixture
def world(tmp_path, monkeypatch):
    world = World(tmp_path / "shop", min_entities=20)
    monkeypatch.setenv("ROPEWAY_PROJECT", str(world.ana.root))
    monkeypatch.setenv("ROPEWAY_CLOCK", str(tmp_path / "clock"))
    monkeypatch.setenv("ROPEWAY_AS", "ben")
    yield world
    world.close()


@pytest.fixture
def ropeway(world, tmp_path, capsys):
    """Type a command at the world's own time; gives its exit code and what it said."""

    def run(*words: object) -> tuple[int, str]:
        (tmp_path / "clock").write_text(world.clock.now().isoformat())
        with pytest.raises(SystemExit) as stop:
            main([str(word) for word in words])
        said = capsys.readouterr()
        return stop.value.code, said.out + said.err

    return run


def test_release_says_how_it_goes_on(ropeway):
    code, said = ropeway("release", "sentiment@2", "--steps", "shadow,10%,0.5")
    assert code == 0
    assert "● sentiment@2 is on its way to production" in said
    assert "● shadow   ○ 10 %   ○ 50 %   ○ live" in said
    assert "cost per entity, at alpha = 0.01" in said
    assert "ropeway controller" in said


def test_release_to_an_empty_environment_is_live_at_once(ropeway):
    code, said = ropeway("release", "sentiment@2", "--to", "staging")
    assert code == 0
    assert "● sentiment@2 is live   nothing was live in staging" in said


def test_release_refuses_steps_that_lead_nowhere(ropeway):
    code, said = ropeway("release", "sentiment@2", "--steps", "0.5,0.1")
    assert code == 2
    assert "bad-steps" in said
    assert "ropeway release MODEL@VERSION --steps shadow,0.1,0.5" in said


def test_rollout_shows_the_test_as_it_stands_now(world, ropeway):
    world.release(note="after the fair")
    world.serve(15, **BETTER)
    code, said = ropeway("rollout", "sentiment")
    assert code == 0
    for words in (
        "sentiment@2 to production   ● on its way at shadow",
        "● shadow   ○ 50 %   ○ live",
        "15 entities in all; 15 at shadow, where 20 are needed",
        "of the 100 needed",
        "of the 20 needed",
        "0.04 of 0.05 left for 2026",
        "after the fair",
        "p99 latency",
    ):
        assert words in said


def test_rollout_alone_shows_the_newest_and_writes_nothing(world, ropeway):
    world.release()
    world.serve(40, **BETTER)
    assert "on its way at shadow" in ropeway("rollout")[1]
    assert "on its way at shadow" in ropeway("rollout")[1]
    assert world.rollout.evidence is None


def test_rollout_as_json_holds_what_is_drawn(world, ropeway):
    world.release()
    world.serve(15, **BETTER)
    answer = json.loads(ropeway("rollout", "sentiment", "--json")[1])
    assert answer["rollout"]["steps"] == ["shadow", "50 %"]
    assert (answer["now"]["entities"], answer["budget"]["releases"]) == (15, 1)
    assert answer["guards"]["live"]["errors"] == 0


def test_rollout_without_any_says_how_to_begin(ropeway):
    code, said = ropeway("rollout")
    assert code == 0
    assert "ropeway release MODEL@VERSION" in said
    assert ropeway("rollout", "--json")[1].strip() == "null"


def test_a_promoted_rollout_shows_its_evidence_and_what_happened(world, ropeway):
    world.release()
    world.run(40, **BETTER)
    said = ropeway("rollout", "sentiment")[1]
    assert "● promoted" in said
    assert "✓ shadow   ✓ 50 %   ✓ live" in said
    assert "rule: proven gain" in said
    assert world.rollout.evidence[:10] in said
    assert "better: the gain is proven" in said


def test_advance_hold_resume_and_end_move_the_only_one(world, ropeway):
    world.release()
    assert "● on its way at 50 %" in ropeway("rollout", "advance", "--note", "looks fine")[1]
    assert "! held at 50 %" in ropeway("rollout", "hold", "sentiment")[1]
    assert "● on its way at 50 %" in ropeway("rollout", "resume")[1]
    assert "· ended" in ropeway("rollout", "end", "--note", "not now")[1]
    code, said = ropeway("rollout", "hold", "sentiment")
    assert (code, "rollout-over" in said) == (3, True)


def test_rollback_is_one_command(world, ropeway):
    world.release()
    assert "all traffic is sentiment@1's again" in ropeway("rollback")[1]
    world.release()
    world.run(40, **BETTER)
    code, said = ropeway("rollback", "sentiment", "--note", "it is night")
    assert code == 0
    assert "sentiment@1 is live again in place of sentiment@2" in said
    code, said = ropeway("rollback", "sentiment")
    assert (code, "nothing-to-roll-back" in said) == (3, True)


def test_model_history_tells_which_rule_decided_on_which_evidence(world, ropeway):
    world.release()
    world.run(40, **BETTER)
    said = ropeway("model", "history", "sentiment")[1]
    line = next(line for line in said.splitlines() if "● promoted" in line)
    assert "rule: proven gain" in line
    assert world.rollout.evidence[:10] in line
    assert f"by rollout {world.rollout.id}: Better after" in said
    answer = json.loads(ropeway("model", "history", "sentiment", "--json")[1])
    assert [each["outcome"] for each in answer["rollouts"]] == ["promoted"]
    assert answer["moves"][-1]["environment"] == "production"


def test_rollout_list_tells_of_all(world, ropeway):
    world.release()
    assert "on its way, at shadow" in ropeway("rollout", "list")[1]
    assert len(json.loads(ropeway("rollout", "list", "sentiment", "--json")[1])) == 1


def test_traffic_is_divided_and_shown_by_hand(world, ropeway):
    assert "100.0%" in ropeway("model", "route", "sentiment")[1]
    said = ropeway("model", "route", "sentiment", "--arm", "sentiment@2=0.2", "--shadow", "sentiment@2")[1]
    assert "80.0%" in said
    assert "20.0%" in said
    assert "asked beside" in said
    assert "100.0%" in ropeway("model", "route", "sentiment", "--all-live")[1]
    code, said = ropeway("model", "route", "sentiment", "--arm", "sentiment@2")
    assert (code, "lacks its share" in said) == (2, True)


def test_dividing_by_hand_says_which_rollout_it_overtakes(world, ropeway):
    rollout = world.release()
    said = ropeway("model", "route", "sentiment", "--arm", "sentiment@2=0.2")[1]
    assert f"The rollout {rollout.id} is overtaken by this" in said


def test_the_live_version_is_not_its_own_shadow(world, ropeway):
    code, said = ropeway("model", "route", "sentiment", "--shadow", "sentiment@1")
    assert code != 0
    assert "'sentiment@1' is live there and answers already" in said


@pytest.mark.parametrize("verb", ["advance", "hold", "resume", "end"])
def test_a_move_of_no_rollout_says_where_to_look(ropeway, verb):
    code, said = ropeway("rollout", verb)
    assert (code, "No rollout is on its way" in said, "ropeway rollout" in said) == (3, True, True)
