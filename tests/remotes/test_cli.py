"""The commands of remotes, as they are typed."""

import json

import pytest
from between import bring, flip

from ropeway.cli.main import main


@pytest.fixture
def say(capsys):
    """Run a command line in a project; gives exit code, standard output and standard error."""

    def run(workspace, *words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main([*words, "-C", str(workspace.root)])
        out, err = capsys.readouterr()
        return int(left.value.code or 0), out, err

    return run


def test_a_version_goes_there_and_comes_here_by_commands(say, alpha, beta):
    bring(alpha)
    assert "new there  dataset:rows@v1" in say(alpha, "push", "rows")[1]
    assert "hub/dataset:rows@v1" in say(beta, "fetch", "--refs-only")[1]
    assert "there it was" in say(beta, "remote", "status")[1]
    code, out, _ = say(beta, "pull", "rows", "--json")
    assert (code, json.loads(out)["versions"][0]["ref"]) == (0, "dataset:rows@v1")


def test_neither_names_nor_all_is_a_mistake(say, alpha):
    for words in (["push"], ["pull"], ["push", "rows", "--all"]):
        code, _, err = say(alpha, *words)
        assert (code, "--all" in err) == (2, True)


def test_damage_there_ends_with_its_own_exit_code(say, alpha, hub):
    bring(alpha)
    say(alpha, "push", "--all")
    [pack] = (hub / "blobs" / "packs").iterdir()
    flip(pack)
    code, out, _ = say(alpha, "remote", "status", "--verify")
    assert (code, "is damaged" in out) == (5, True)


def test_fsck_repairs_from_every_remote_that_can_be_reached(say, alpha):
    version = bring(alpha)
    say(alpha, "push", "--all")
    say(alpha, "remote", "add", "away", "../nowhere/at/all")
    alpha.store.remove([version.version])
    code, out, err = say(alpha, "fsck", "--repair", "--from", "away")
    assert (code, "remote-away" in err) == (6, True)
    code, out, err = say(alpha, "fsck", "--repair")
    assert (code, "1 object" in out, "'away' is left out" in err) == (0, True, True)


def test_remotes_are_declared_listed_and_taken_out(say, project):
    workspace = project()
    assert "no remote is declared" in say(workspace, "remote", "list")[1]
    say(workspace, "remote", "add", "hub", "../hub")
    assert "../hub" in say(workspace, "remote", "list")[1]
    say(workspace, "remote", "remove", "hub")
    assert workspace.project.remote == {}
