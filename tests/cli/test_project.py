import tomllib

import pytest

from ropeway.cli.project import FILES, ProjectExists, ProjectNameInvalid, start
from ropeway.workspace import open_workspace

DEFAULTS = {"name": None, "dataset": "examples", "key": "id", "target": "label"}


def test_init_writes_a_project_that_opens(tmp_path):
    started = start(tmp_path / "churn", **DEFAULTS)
    assert started.name == "churn"
    assert started.files == sorted(FILES)
    with open_workspace(tmp_path / "churn") as workspace:
        assert workspace.project.project.name == "churn"
        assert workspace.project.inputs["rows"].target == "label"


def test_every_box_of_the_charter_stands_in_the_file_with_its_question(tmp_path):
    from ropeway.workspace.tables.charter import CANVAS

    start(tmp_path, **DEFAULTS)
    lines = (tmp_path / "ropeway.toml").read_text().splitlines()
    for box in CANVAS:
        at = next(index for index, line in enumerate(lines) if line.startswith(f"{box} ="))
        assert lines[at - 1].startswith("# "), box


def test_names_given_reach_every_file(tmp_path):
    start(tmp_path, name="mine", dataset="cancer", key="sample", target="diagnosis")
    settings = tomllib.loads((tmp_path / "ropeway.toml").read_text())
    assert settings["inputs"]["rows"] == {"dataset": "cancer", "key": "sample", "target": "diagnosis"}
    assert '@check("cancer"' in (tmp_path / "checks.py").read_text()
    assert "sample" in (tmp_path / "pipeline.py").read_text()


def test_the_label_settings_of_the_starter_are_sound_once_their_marks_are_taken_away(tmp_path):
    from ropeway.workspace.project_file import parse_project

    start(tmp_path, **DEFAULTS)
    text = (tmp_path / "ropeway.toml").read_text()
    at = text.index("# [labels.label]")
    block, rest = text[at:].split("\n\n", 1)
    sound = parse_project(
        text[:at] + block.replace("# ", "", 1).replace("\n# ", "\n") + "\n\n" + rest, tmp_path
    )
    assert (sound.labels["label"].rater, sound.labels["label"].snapshot) == ("rater", "examples")


def test_the_python_files_compile(tmp_path):
    start(tmp_path, **DEFAULTS)
    for name in ("pipeline.py", "checks.py"):
        compile((tmp_path / name).read_text(), name, "exec")


def test_two_projects_do_not_share_a_salt(tmp_path):
    for name in ("a", "b"):
        start(tmp_path / name, **DEFAULTS)
    salts = {tomllib.loads((tmp_path / n / "ropeway.toml").read_text())["split"]["salt"] for n in ("a", "b")}
    assert len(salts) == 2


def test_init_refuses_to_overwrite_and_writes_nothing(tmp_path):
    (tmp_path / "pipeline.py").write_text("mine")
    with pytest.raises(ProjectExists, match=r"pipeline\.py"):
        start(tmp_path, **DEFAULTS)
    assert [path.name for path in tmp_path.iterdir()] == ["pipeline.py"]
    assert (tmp_path / "pipeline.py").read_text() == "mine"


def test_a_repository_keeps_its_gitignore_and_gains_our_lines(tmp_path):
    (tmp_path / ".gitignore").write_text("secret.txt\n__pycache__/\n")
    start(tmp_path, **DEFAULTS)
    lines = (tmp_path / ".gitignore").read_text().splitlines()
    assert lines[:2] == ["secret.txt", "__pycache__/"]
    assert ".ropeway/" in lines
    assert lines.count("__pycache__/") == 1


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("dataset", "a b"),
        ("dataset", "Tweets"),
        ("target", "id"),
        ("key", 'x"y'),
        ("target", ""),
        ("name", "../x"),
    ],
)
def test_names_that_would_break_the_files_are_refused(tmp_path, option, value):
    with pytest.raises(ProjectNameInvalid, match=option):
        start(tmp_path, **{**DEFAULTS, option: value})
