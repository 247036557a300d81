"""The whole line with a real project: its model served by the command, swapped, lost and found again."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from ropeway.data.add import add
from ropeway.models.load import load_model
from ropeway.models.operations import (
    approve_model,
    gate_model,
    promote_model,
    recall_model,
    route_traffic,
)
from ropeway.models.register import register
from ropeway.pipelines.run import run_pipeline
from ropeway.predictions.identity import parse_id
from ropeway.predictions.operations import find_prediction, list_feedback
from ropeway.predictions.record import PREDICTIONS
from ropeway.predictions.seal import seal
from ropeway.serving.division import Division
from ropeway.serving.feedback import append_feedback
from ropeway.testing import make_workspace
from ropeway.workspace import LocalWorkspace
from ropeway.workspace.clock import FileClock

TOML = """
[project]
name = "mood"
approval = "self"
[charter]
bar = 0.3
[inputs.rows]
dataset = "texts"
key = "id"
target = "label"
[gate]
bootstrap = 100
[log]
columns = {author = "hashed"}
[monitor]
segment = "1s"
[serving]
entity = "customer"
carry = ["id"]
"""

PIPELINE = """
import polars as pl
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from ropeway import fit, step


@step
def clean(rows):
    if "boom" in rows["text"].to_list():
        raise ValueError("a secret")
    return rows["text"].str.to_lowercase() + " " + rows["author"]


@fit
def classifier(clean, target, *, c: float = 5.0):
    return make_pipeline(TfidfVectorizer(), LogisticRegression(C=c)).fit(clean, target)


@step(serve=True)
def mood(classifier, clean):
    given = classifier.predict_proba(clean)
    return pl.DataFrame({str(name): given[:, at] for at, name in enumerate(classifier.classes_)})
"""

ROW = {"text": "what a great day", "author": "ana"}


def approve_next(workspace: LocalWorkspace, c: float) -> str:
    os.chdir(workspace.root)
    version = register(workspace, run_pipeline(workspace, overrides={"c": c}).run)
    assert gate_model(workspace, ref=version.ref).passed
    return approve_model(workspace, ref=version.ref).ref


def make_live(workspace: LocalWorkspace, c: float) -> str:
    return promote_model(workspace, ref=approve_next(workspace, c)).ref


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalWorkspace]:
    folder: Path = tmp_path_factory.mktemp("mood")
    before = Path.cwd()
    with make_workspace(folder, toml=TOML, files={"pipeline.py": PIPELINE}) as workspace:
        words = {"up": ["great", "good", "happy"], "down": ["bad", "sad", "awful"]}
        lines = [
            f"{i},the day {i} was {words[label][i % 3]},a{i % 7},{label}"
            for i in range(200)
            for label in (("up", "down")[i % 2],)
        ]
        (folder / "texts.csv").write_text("id,text,author,label\n" + "\n".join(lines))
        add(workspace, folder / "texts.csv", name="texts")
        make_live(workspace, 5.0)
        yield workspace
    os.chdir(before)


class Served:
    """`ropeway serve` in a process."""

    def __init__(self, root: Path, **environment: str) -> None:
        self.popen = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "ropeway.cli",
                "serve",
                "mood@production",
                "--port",
                "0",
                "--json",
                "-C",
                str(root),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        )
        said = ""
        while not said.endswith("}\n"):
            line = self.popen.stdout.readline()
            assert line, self.popen.communicate()
            said += line
        answer = json.loads(said)
        assert "url" in answer, (answer, self.popen.communicate())
        self.client = httpx.Client(base_url=answer["url"], timeout=30)

    def predict(self, row: Any) -> httpx.Response:
        return self.client.post("/predict", json=row)

    def wait_for(self, claim: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        for _ in range(300):
            health: dict[str, Any] = self.client.get("/health").json()
            if claim(health):
                return health
            time.sleep(0.05)
        raise AssertionError(f"it never came to be: {health}")


@pytest.fixture(scope="module")
def served(trained: LocalWorkspace) -> Iterator[Served]:
    service = Served(trained.root)
    yield service
    service.client.close()
    if service.popen.poll() is None:
        service.popen.send_signal(signal.SIGTERM)
        assert service.popen.wait(timeout=30) == 0
    service.popen.stdout.close()
    service.popen.stderr.close()


def test_an_answer_over_http_is_the_answer_in_process_and_is_found_by_its_id(
    trained: LocalWorkspace, served: Served
) -> None:
    import polars as pl

    answer = served.predict(ROW).json()
    with load_model(trained, "mood@production") as model:
        assert model.predict(pl.DataFrame(ROW)).to_dicts() == [answer["probabilities"]]
    found = find_prediction(trained, prediction=answer["id"])
    assert (found.model, found.environment, found.prediction) == ("mood@1", "production", "up")
    assert found.inputs["text"] == ROW["text"]
    assert (found.hashed, len(found.inputs["author"])) == (["author"], 64)


def test_feedback_from_the_command_line_and_over_http_is_one_history(
    trained: LocalWorkspace, served: Served
) -> None:
    wanted = served.predict(ROW).json()["id"]
    served.client.post("/feedback", json={"id": wanted, "value": "up", "by": "http"})
    command = [
        sys.executable,
        "-m",
        "ropeway.cli",
        "feedback",
        wanted,
        "down",
        "--as",
        "ben",
        "-C",
        str(trained.root),
    ]
    subprocess.run(command, check=True, capture_output=True)
    said = list_feedback(trained, prediction=wanted)
    assert [(each.value, each.by) for each in said] == [("up", "http"), ("down", "ben")]


def test_feedback_finds_a_prediction_that_was_sealed_while_the_service_lives(
    trained: LocalWorkspace, served: Served
) -> None:
    wanted = served.predict(ROW).json()["id"]
    place = parse_id(wanted)
    segment = trained.home / PREDICTIONS / place.file_name
    for _ in range(300):
        seal(trained)
        if not segment.exists():
            break
        time.sleep(0.05)
    assert served.client.post("/feedback", json={"id": wanted, "value": "down"}).status_code == 200
    append_feedback(trained.home, wanted, "up", by="ben")
    assert [each.value for each in list_feedback(trained, prediction=wanted)] == ["down", "up"]
    unknown = place.id()[:-1] + "zzz"
    assert served.client.post("/feedback", json={"id": unknown, "value": "up"}).status_code == 404
    assert served.predict(ROW).status_code == 200


def test_a_step_that_raises_is_named_but_its_words_stay_here(served: Served) -> None:
    reply = served.predict({**ROW, "text": "boom"})
    error = reply.json()["error"]
    assert (reply.status_code, error["code"]) == (500, "prediction-failed")
    assert (error["facts"]["cause"], error["facts"]["step"]) == ("step-failed", "clean")
    assert "secret" not in reply.text
    assert served.predict(ROW).status_code == 200


def shares(health: dict[str, Any]) -> dict[str, float]:
    return {each["model"]: each["share"] for each in health["routing"]}


def test_the_service_divides_traffic_as_the_registry_says_until_the_arm_is_recalled(
    trained: LocalWorkspace, served: Served
) -> None:
    ref = approve_next(trained, 2.0)
    routed = route_traffic(trained, name="mood", arms={ref: 0.5}, shadows=[ref])
    served.wait_for(lambda health: shares(health) == {"mood@1": 0.5, ref: 0.5})
    rows = [{**ROW, "customer": f"c{n}", "id": n} for n in range(100)]
    answers = served.predict({"rows": rows}).json()["predictions"]
    division = Division(routed.salt, [0.5])
    for row, answer in zip(rows, answers, strict=True):
        assert answer.get("model", "mood@1") == (ref if division.arm_of(row["customer"]) == 0 else "mood@1")
        assert find_prediction(trained, prediction=answer["id"]).model == answer.get("model", "mood@1")
    served.wait_for(lambda health: health["mirrored_rows_waiting"] == 0)
    recall_model(trained, ref=ref, reason="it does harm")
    served.wait_for(lambda health: shares(health) == {"mood@1": 1.0})
    answers = served.predict({"rows": rows}).json()["predictions"]
    assert not any("model" in answer for answer in answers)


def test_a_rehearsal_s_clock_says_when_answers_were_given(trained: LocalWorkspace, tmp_path: Path) -> None:
    clock = FileClock(tmp_path / "clock")
    clock.set(datetime(2031, 5, 3, tzinfo=UTC))
    service = Served(trained.root, ROPEWAY_CLOCK=str(clock.path))
    try:
        for day in (3, 4):
            clock.set(datetime(2031, 5, day, tzinfo=UTC))
            found = find_prediction(trained, prediction=service.predict(ROW).json()["id"])
            assert found.at == clock.now()
    finally:
        service.client.close()
        service.popen.kill()
        service.popen.communicate()


@pytest.mark.sqlite("the ledger goes with the folder")
def test_the_service_outlives_its_workspace_and_follows_the_alias(
    trained: LocalWorkspace, served: Served
) -> None:
    database = trained.home / "ledger.db"
    served.wait_for(lambda health: health["state"] == "current")
    trained.home.rename(trained.root / "away")
    health = served.wait_for(lambda health: health["state"] == "last-known-good")
    assert health["trouble"]["code"] == "workspace-gone"
    assert served.predict(ROW).status_code == 200
    assert not trained.home.exists()
    (trained.root / "away").rename(trained.home)
    served.wait_for(lambda health: health["state"] == "current")
    assert database.exists()
    ref = make_live(trained, 0.5)
    served.wait_for(lambda health: health["model"] == ref)
    assert served.predict(ROW).json()["model"] == ref


def replace(database: Path, content: bytes) -> None:
    """Put another database in the place of one, as a restore does."""
    for suffix in ("-wal", "-shm"):
        database.with_name(database.name + suffix).unlink(missing_ok=True)
    other = database.with_name("other")
    other.write_bytes(content)
    other.rename(database)


@pytest.mark.sqlite("a file is damaged, and another put in its place")
def test_the_service_outlives_a_damaged_workspace(trained: LocalWorkspace, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-r", str(trained.root), str(copy)], check=True)
    LocalWorkspace(copy, actor="ana").close()
    database = copy / ".ropeway" / "ledger.db"
    sound = database.read_bytes()
    service = Served(copy)
    try:
        replace(database, sound[:100] + b"\xff" * (len(sound) - 100))
        health = service.wait_for(lambda health: health["state"] == "last-known-good")
        assert health["trouble"]["code"] == "ledger-damaged"
        assert service.predict(ROW).status_code == 200
        replace(database, sound)
        service.wait_for(lambda health: health["state"] == "current")
    finally:
        service.client.close()
        service.popen.kill()
        service.popen.communicate()
