import polars as pl
import pytest

from ropeway.data.add import add

TOML = """
[project]
name = "trial"

[labels.mood]
dataset = "posts"
guide = "guides/mood.md"
ratings = "ratings"
scale = "interval"
aggregate = "mean"
allowed = [-2, -1, 0, 1, 2]
cutoffs = [{ upto = -0.5, label = "bad" }, { below = 0.5, label = "flat" }, { label = "good" }]
snapshot = "moods"
keep = ["text"]

[labels.kind]
dataset = "opinions"
guide = "guides/mood.md"
rater = "who"
value = "kind"
snapshot = "kinds"
adjudicate_below = 0.5
"""

POSTS = {
    "id": ["p1", "p2", "p3", "p4", "p5"],
    "text": ["wonderful", "fine", "awful", "odd", "unread"],
    "ratings": [[2, 2, 1], [0, 1, -1], [-2, -2, -1], [2, -2, 2, -2], []],
}
OPINIONS = {
    "id": ["a", "a", "a", "b", "b", "c", "c", "c", "c"],
    "text": ["A"] * 3 + ["B"] * 2 + ["C"] * 4,
    "who": ["ann", "bob", "cem", "ann", "bob", "ann", "bob", "cem", "dan"],
    "kind": ["praise", "praise", "query", "query", "praise", "query", "query", "praise", "bug"],
}


@pytest.fixture
def workspace(project):
    return project(TOML, **{"guides/mood.md": "# Mood\nHow does the writer feel?\n"})


@pytest.fixture
def bring(workspace, tmp_path):
    def write_and_add(name, columns, **schema):
        frame = pl.DataFrame(columns, schema_overrides=schema)
        frame.write_parquet(tmp_path / f"{name}.parquet")
        return add(workspace, tmp_path / f"{name}.parquet").version

    return write_and_add


@pytest.fixture
def posts(bring):
    return bring("posts", POSTS, ratings=pl.List(pl.Int8))


@pytest.fixture
def opinions(bring):
    return bring("opinions", OPINIONS)
