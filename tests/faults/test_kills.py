"""Fifty real processes are killed at work; nothing that they acknowledged is lost."""

from pathlib import Path

from tests.faults.campaign import run_campaign, table

KILLS = 50
SEED = 2026


def test_fifty_kills_lose_nothing_that_was_acknowledged(tmp_path: Path, capsys) -> None:
    campaign = run_campaign(tmp_path, kills=KILLS, seed=SEED)
    with capsys.disabled():
        print("\n" + table(campaign))
    assert campaign.problems == []
    assert sum(kill.killed for kill in campaign.kills) >= KILLS * 0.9
    assert campaign.delicate_share >= 0.5
