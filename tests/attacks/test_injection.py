"""C4: a name is a name, whatever it holds: no shell, package installer, database or terminal obeys it."""

import ast
import subprocess
from collections.abc import Iterator
from contextlib import chdir, suppress
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from tests.models.models_packages import register

import ropeway
from ropeway.cli.draw import Page
from ropeway.cli.main import root
from ropeway.core.errors import RopewayError
from ropeway.data.add import add
from ropeway.keeping.reproduce.environment import CannotInstall, make_clean
from ropeway.models.operations import model_card, reject_model
from ropeway.pipelines.records import PipelineRecord
from ropeway.testing import make_workspace
from ropeway.tracking.environment import Environment
from ropeway.tracking.search import search_runs
from ropeway.tracking.snapshot import snapshot_code
from ropeway.tracking.start import start_run
from ropeway.workspace import LocalWorkspace

CANARY = "zq7ran"
WORDS = (
    f"$(touch {CANARY})",
    f"`touch {CANARY}`",
    f"; touch {CANARY} #",
    f"| touch {CANARY}",
    f"&& touch {CANARY}",
    f"x\ntouch {CANARY}",
    f"-o/{CANARY}",
    f"--output={CANARY}",
    "{0.__class__.__mro__}",
    "%s%s%n",
    "{{7*7}}",
    "${7*7}",
    "'); DROP TABLE run; --",
    "' OR '1'='1",
    '" UNION SELECT secret FROM token --',
    "%' OR 1=1 --",
    "\\'; VACUUM; --",
    f"FROM x\nRUN touch {CANARY}",
    f"x==1\n--index-url=http://127.0.0.1/{CANARY}",
    "=cmd|'/C calc'!A0",
    "\x1b[2J\x1b[31mred",
    "\x1b]8;;http://evil.example\x07click\x1b]8;;\x07",
    "\x1b]0;title\x07",
    "\x9b31m",
    "\x08\x08\x7f",
    "\u202eevil\u2066",
    "[link=http://evil.example]click[/link]",
    "[bold red]x[/]",
    "a\rb",
)
ORDERS = ("\x1b[2J", "\x1b]", "\x9b", "\x07", "\x08", "\u202e", "\u2066")


LINE = "- 2026-01-01 approve by the board"


@pytest.fixture(scope="module")
def lively(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalWorkspace]:
    """A workspace in which everything that has a free name is called badly."""
    with make_workspace(tmp_path_factory.mktemp("lively") / "project") as workspace, chdir(workspace.root):
        (workspace.root / "rows.csv").write_text("id,text\n1,fine\n")
        for number, word in enumerate(WORDS):
            add(workspace, workspace.root / "rows.csv", name=f"rows-{number}", source=word, bringer=word)
            with (
                suppress(RopewayError),
                start_run(workspace, name=word, params={"p": word}, tags={"t": word}),
            ):
                pass
        reject_model(workspace, ref=register(workspace).ref, reason=f"\x1b[2Jfine\n{LINE}")
        yield workspace


def test_nothing_is_handed_to_a_shell() -> None:
    """No call in the package goes through one, and nothing is evaluated but a project's own code."""
    found = []
    for path in Path(ropeway.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                through = [
                    each
                    for each in node.keywords
                    if each.arg == "shell" and ast.unparse(each.value) != "False"
                ]
                if through or called in (
                    "os.system",
                    "os.popen",
                    "eval",
                    "exec",
                    "pickle.loads",
                    "yaml.load",
                ):
                    found.append(f"{path.name}: {called}")
    # The pickle is one that a person has approved: `models/adopting/loaders.py`.
    assert sorted(found) == ["code.py: exec", "loaders.py: pickle.loads"]


def test_a_terminal_obeys_no_name(lively: LocalWorkspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Page, "is_terminal", True)
    commands = [
        ["data", "list"],
        ["data", "versions", "rows-20"],
        ["data", "show", "rows-21"],
        ["runs"],
        ["status"],
        ["log"],
        ["runs", "--where", "params.p = 'x'"],
        ["model", "list"],
        ["model", "history", "sentiment"],
        ["why", "sentiment@1"],
        ["model", "card", "sentiment@1"],
        ["run", "show", "latest"],
        ["data", "show", "\x1b[2Jnone"],
    ]
    shown = 0
    for words in commands:
        result = CliRunner().invoke(root, [*words, "-C", str(lively.root)])
        said = result.output + str(result.stderr)
        shown += "\ufffd" in said
        assert [each for each in ORDERS if each in said] == [], words
    assert shown >= 3, "what was said held some of it"


def test_an_error_obeys_no_name(workspace: LocalWorkspace, capfd: pytest.CaptureFixture[str]) -> None:
    from ropeway.cli.main import main

    with pytest.raises(SystemExit):
        main(["data", "show", "\x1b[2J\x1b]0;t\x07none", "-C", str(workspace.root)])
    said = capfd.readouterr().err
    assert "\ufffd[2J" in said
    assert [each for each in ORDERS if each in said] == []


def test_a_search_is_bound_and_not_built(lively: LocalWorkspace) -> None:
    count = len(search_runs(lively, limit=1000))
    assert count > 10
    for word in WORDS:
        quoted = word.replace("\\", "\\\\").replace("'", "\\'")
        for where in (
            f"name = '{quoted}'",
            f"params.p = '{quoted}'",
            f"tags.t = '{quoted}'",
            word,
            f"name = '{word}'",
        ):
            try:
                found = search_runs(lively, where=where, limit=1000)
            except RopewayError:
                continue
            assert len(found) <= 1, (where, len(found))
        with pytest.raises(RopewayError):
            search_runs(lively, sort=[word])
    assert len(search_runs(lively, limit=1000)) == count


def test_nobody_writes_a_line_into_a_card(lively: LocalWorkspace) -> None:
    lines = model_card(lively, ref="sentiment@1").splitlines()
    assert [line for line in lines if LINE in line]
    assert not [line for line in lines if line.startswith(LINE) or "\x1b" in line]


def test_no_word_runs_anything(lively: LocalWorkspace) -> None:
    assert not list(lively.root.parent.rglob(f"*{CANARY}*"))


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("evil @ file:///tmp/evil.whl", "1"),
        ("-e git+https://evil.example/x", "1"),
        ("--index-url=http://evil", "1"),
        ("x\n--index-url=http://evil", "1"),
        ("x", "1 --index-url=http://evil"),
        ("x", "1\n-e ."),
        ("x; touch y", "1"),
        ("../x", "1"),
        ("", "1"),
        ("x", "1 @ file:///x"),
        ("http://evil.example/x.whl", "1"),
    ],
)
def test_no_package_is_installed_that_is_no_name_and_version(tmp_path: Path, name: str, version: str) -> None:
    recorded = Environment(
        python="3.11", implementation="CPython", platform="linux", packages={name: version}
    )
    with pytest.raises(CannotInstall, match="is no package"):
        make_clean(tmp_path / "environment", recorded, record_with(name), lambda _what: None)
    assert not (tmp_path / "environment").exists(), "nothing was begun"


def record_with(name: str) -> PipelineRecord:
    """Of a record only what it imported counts here."""
    fields = {each.name: None for each in msgspec.structs.fields(PipelineRecord)}
    return PipelineRecord(**{**fields, "packages": {name: "1"}})


def test_a_repositorys_own_settings_run_nothing(workspace: LocalWorkspace) -> None:
    folder = workspace.root
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    config = folder / ".git" / "config"
    config.write_text(config.read_text() + f'[core]\n\tfsmonitor = "touch {folder}/{CANARY}; false"\n')
    snapshot_code(folder, workspace.store)
    assert not (folder / CANARY).exists()
