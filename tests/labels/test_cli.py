import json

import pytest

from ropeway.cli.main import main


@pytest.fixture
def ropeway(workspace, capsys):
    def call(*words, code=0):
        with pytest.raises(SystemExit) as left:
            main(["labels", *words, "-C", str(workspace.root), "--as", "Ana"])
        out, err = capsys.readouterr()
        assert left.value.code == code, err + out
        return out + err

    return call


def test_the_way_from_ratings_to_a_snapshot(ropeway, posts):
    assert "No ratings yet" in ropeway("list")
    out = ropeway("import", "mood")
    assert "13 ratings of 5 items by 3 to 4 anonymous raters an item" in out
    assert "not rated  1 item" in out
    assert "mood" in ropeway("list")
    assert "Krippendorff's alpha (interval) is 0." in ropeway("agreement", "mood")
    out = ropeway("queue", "mood")
    assert "3 items" in out
    assert "not rated" in out
    assert "ropeway labels adjudicate mood p5 bad|flat|good" in out
    assert "p4 is bad, says Ana." in ropeway("adjudicate", "mood", "p4", "bad", "--reason", "irony")
    out = ropeway("snapshot", "mood")
    assert "moods@v1" in out
    assert "4 labelled rows" in out
    assert "as it was before" in ropeway("snapshot", "mood")


def test_an_undefined_agreement_says_why(ropeway, bring):
    bring("posts", {"id": ["a", "b"], "text": ["x", "y"], "ratings": [[1, 1], [1, 1]]})
    ropeway("import", "mood")
    assert "is undefined: all ratings are equal" in ropeway("agreement", "mood")


def test_answers_come_as_json(ropeway, posts):
    ropeway("import", "mood")
    found = json.loads(ropeway("queue", "mood", "--json"))
    assert [item["item"] for item in found["items"]] == ["p5", "p2", "p4"]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["import", "moods"], 4, "error[label-set-not-found]"),
        (["queue", "mood"], 4, "error[ratings-not-found]"),
    ],
)
def test_errors_carry_their_code(ropeway, words, code, message):
    assert message in ropeway(*words, code=code)
