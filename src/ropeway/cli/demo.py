"""`ropeway demo`: a real project, the whole way, by the very commands that a user has.

Nothing here knows the outcome: each command is run, its answer decides what comes next, and what happened
is what is told.
"""

import contextlib
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ropeway.cli.demo_service import service
from ropeway.cli.demo_stage import Stage
from ropeway.cli.demo_weeks import REPORT, Weeks, begin_rehearsal, weeks_were_told
from ropeway.cli.face import refuse_from_afar
from ropeway.core.errors import Invalid, Unavailable
from ropeway.workspace.clock import VARIABLE, FileClock

if TYPE_CHECKING:
    import httpx

    from ropeway.models.registry import ModelVersion

MODEL = "sentiment"
ANA = "Ana"
BEN = "Ben"
ASKED = 6
SHOWN_TEXT = 44
CLOSED = frozenset({"rejected", "recalled", "retired"})


class ExtraMissing(Unavailable):
    """Something is needed that the base install leaves out."""

    code = "extra-missing"

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(
            f"The demo trains with {package}, which is not installed here.",
            expected=f"the extra '{extra}'",
            next_step=f"{sys.executable} -m pip install 'ropeway[{extra}]'",
            package=package,
        )


class FolderTaken(Invalid):
    """The folder for the demo holds something else."""

    code = "demo-folder-taken"

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"'{folder}' is not empty, and not a demo that was begun here before.",
            expected="a new folder, an empty one, or that of an earlier demo",
            next_step=f"ropeway demo {folder}-2",
            folder=str(folder),
        )


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path("tweets-demo"))
def demo(folder: Path) -> None:
    """Take a real project the whole way in FOLDER: ratings, labels, model, gate, answers, and on.

    Then weeks of production pass in which the texts change: drift, degradation, retraining, a rollout, a
    rollback. The times are rehearsed, so that weeks take a minute; nothing else is.

    It acts as two people, Ana and Ben, so that nobody approves their own model. The folder is an ordinary
    project afterwards. Run again, it takes seconds: what has not changed is not done again.
    """
    began = time.perf_counter()
    refuse_from_afar("demo")
    _need_sklearn()
    _make_project(folder)
    started = Path.cwd()
    # Commands look for their project from the working folder upward, as they do for a user.
    with contextlib.chdir(folder), _rehearsal() as clock:
        Tour(folder, started, clock).go()
    click.echo(f"\n{_seconds(time.perf_counter() - began)} in all.")


class Tour:
    """One walk along the line.

    Args:
        folder: the project's, as the user named it.
        started: where the user typed the command.
        clock: the time of the story.
    """

    def __init__(self, folder: Path, started: Path, clock: FileClock) -> None:
        self.folder = folder
        self.stage = Stage()
        self.clock = clock
        activate = Path(sys.prefix) / "bin" / "activate"
        self._activate = activate.relative_to(started) if activate.is_relative_to(started) else activate

    def go(self) -> None:
        """From raw ratings to answers and back."""
        self.stage.out.print(f"A project in {self.folder}: does a tweet sound positive, neutral or negative?")
        self.stage.out.print(
            f"It begins on {self.clock.now():%d %B %Y}: times are rehearsed, the rest is real."
        )
        self.stage.out.print("It acts as two people, Ana who builds and Ben who answers for what goes out.")
        if weeks_were_told():
            self._as_it_stands()
            return
        self._bring_ratings()
        self._make_labels()
        plain = self._try_model("A plain model, held against the charter", "c=1", "balanced=false")
        better = self._try_model("A better one", "c=5", "balanced=true")
        chosen = self._release([plain, better])
        if chosen is not None:
            self._serve(chosen)
            Weeks(self.stage, self.clock).go()
        self.stage.heading("Where the project stands")
        self.stage.run(ANA, "status")
        self._what_next(None if chosen is None else chosen.name)

    def _bring_ratings(self) -> None:
        self.stage.heading("Raw ratings arrive")
        self.stage.run(ANA, "data", "add", "data/tweets.parquet", "--name", "ratings")

    def _make_labels(self) -> None:
        self.stage.heading("Labels, with measured agreement")
        for words in (["import"], ["agreement"], ["queue", "--limit", "3"], ["snapshot"]):
            self.stage.run(ANA, "labels", words[0], "sentiment", *words[1:])

    def _try_model(self, title: str, *settings: str) -> "ModelVersion":
        self.stage.heading(title)
        self.stage.run(ANA, "run", *[word for setting in settings for word in ("--set", setting)])
        version: ModelVersion = self.stage.run(ANA, "model", "register", "latest", "--name", MODEL)
        if version.state.value in ("candidate", "validated") and version.passed is None:
            self.stage.run(ANA, "gate", version.ref)
        else:
            verdict = "passed" if version.passed else "was refused by"
            self.stage.say(
                f"{version.ref} {verdict} the gate before and is {version.state}; it is not judged again."
            )
        return version

    def _release(self, tried: "Sequence[ModelVersion]") -> "ModelVersion | None":
        """Approve and promote the newest version that passed; None when none did."""
        self.stage.heading("Approved by another person, and live")
        now = _as_they_stand([version.ref for version in tried])
        passed = [version for version in now if version.passed and version.state.value not in CLOSED]
        if not passed:
            self.stage.say("No version has passed the gate, so nothing goes out: that is what it is for.")
            return None
        chosen = passed[-1]
        if chosen.state.value == "validated":
            self.stage.run(BEN, "model", "approve", chosen.ref)
        if "production" not in chosen.environments:
            self.stage.run(BEN, "model", "promote", chosen.ref, "--to", "production")
        else:
            self.stage.say(f"{chosen.ref} is live already.")
        return chosen

    def _serve(self, chosen: "ModelVersion") -> None:
        self.stage.heading("Answers over HTTP")
        reference = f"{chosen.name}@production"
        with service(reference, self.stage.show) as client:
            asked = [(text, label, self._predict(client, text)) for text, label in _held_out_tweets(ASKED)]
            self._draw_answers(asked)
            wrong = [entry for entry in asked if entry[2]["prediction"] != entry[1]]
            _, label, answer = (wrong or asked)[0]
            which = "first wrong answer" if wrong else "first answer"
            self.stage.say(f"Ben tells the service what raters had said, for the {which}:")
            self._feed_back(client, answer["id"], label)
        self.stage.heading("From that answer, all the way back")
        self.stage.run(BEN, "why", answer["id"])

    def _as_it_stands(self) -> None:
        """What a story that was told here to its end has led to; nothing of it is done again."""
        self.stage.out.print(
            "It was told here before, to its end, and is not told twice: this is what came of it."
        )
        self.stage.heading("How production is")
        self.stage.run(ANA, "monitor", "--no-observe")
        self.stage.run(ANA, "model", "history", MODEL)
        self.stage.heading("Where the project stands")
        self.stage.run(ANA, "status")
        self._what_next(MODEL)

    def _predict(self, client: "httpx.Client", text: str) -> dict[str, Any]:
        reply = client.post("/predict", json={"text": text})
        reply.raise_for_status()
        answer: dict[str, Any] = reply.json()
        return answer

    def _draw_answers(self, asked: "Sequence[tuple[str, str, dict[str, Any]]]") -> None:
        from ropeway.cli import draw

        rows = [
            (
                draw.clip(text, SHOWN_TEXT),
                answer["prediction"],
                draw.number(answer["probabilities"][answer["prediction"]], 2),
                label,
                answer["id"],
            )
            for text, label, answer in asked
        ]
        self.stage.show('POST /predict {"text": …}   with tweets that the model has never seen')
        draw.table(
            self.stage.out,
            [
                draw.Column("tweet", grow=True),
                "answer",
                draw.Column("sure", right=True),
                "its raters said",
                "prediction",
            ],
            rows,
        )

    def _feed_back(self, client: "httpx.Client", identity: str, label: str) -> None:
        body = {"id": identity, "value": label, "by": BEN, "note": "as its raters said"}
        self.stage.show(f"POST /feedback {json.dumps(body)}")
        client.post("/feedback", json=body).raise_for_status()

    def _what_next(self, model: str | None) -> None:
        from ropeway.cli import draw

        self.stage.heading("What to try next")
        tries = [
            (f"cd {self.folder}", "an ordinary project, yours to go on with"),
            ("ropeway explain", "what would run again, and why"),
            ("ropeway run --set c=0.5", "another try; then ropeway runs"),
            ("ropeway labels queue sentiment", "where people disagree: decide"),
            ("ropeway why tweets", "what the labels came from and led to"),
        ]
        if shutil.which("ropeway") is None:
            tries.insert(0, (f". {self._activate}", "puts the command on your path"))
        if model is not None:
            live = f"{model}@production"
            tries.insert(len(tries) - 4, (f"ropeway serve {live}", "then open http://127.0.0.1:8080/docs"))
            if Path(REPORT).is_file():
                tries.insert(len(tries) - 4, (f"open {REPORT} in a browser", "the weeks as pictures"))
        draw.facts(self.stage.out, tries)


@contextlib.contextmanager
def _rehearsal() -> Iterator[FileClock]:
    """The story's own clock, for every command and service that it runs."""
    clock, before = begin_rehearsal(Path.cwd()), os.environ.get(VARIABLE)
    os.environ[VARIABLE] = str(clock.path)
    try:
        yield clock
    finally:
        os.environ.pop(VARIABLE)
        if before is not None:
            os.environ[VARIABLE] = before


def _need_sklearn() -> None:
    from importlib.util import find_spec

    for module, package in (("sklearn", "scikit-learn"), ("skops", "skops")):
        if find_spec(module) is None:
            raise ExtraMissing(package, "sklearn")


def _make_project(folder: Path) -> None:
    """Lay the example out, or go on with one that lies there."""
    from ropeway.examples import copy_template
    from ropeway.workspace.project import PROJECT_FILE

    if (folder / PROJECT_FILE).is_file() and (folder / "data").is_dir():
        return
    if folder.exists() and any(folder.iterdir()):
        raise FolderTaken(folder)
    copy_template("tweets", folder)


def _seconds(duration: float) -> str:
    from ropeway.cli import draw

    return draw.duration(duration)


def _as_they_stand(refs: Sequence[str]) -> "list[ModelVersion]":
    from ropeway.models.operations import resolve_version
    from ropeway.workspace import open_local

    with open_local() as workspace:
        return [resolve_version(workspace, ref=ref) for ref in refs]


def _held_out_tweets(many: int) -> list[tuple[str, str]]:
    """Tweets of the test part with what their raters said: each label in turn, in the order of the data."""
    from ropeway.data.assign import assign_split, split_frame
    from ropeway.data.load import load, resolve
    from ropeway.workspace import open_local

    with open_local() as workspace:
        rows_input = workspace.project.inputs["rows"]
        version = resolve(workspace, rows_input.dataset)
        rows = load(workspace, version)
        parts = split_frame(workspace, version, assign_split(workspace, version, rows_input), rows)
    target = rows_input.target or "sentiment"
    test = rows.filter(parts["part"] == "test")
    by_label = [group["text"].to_list() for _, group in test.group_by(target, maintain_order=True)]
    labels = test[target].unique(maintain_order=True).to_list()
    turns = [
        (texts[turn], label)
        for turn in range(many)
        for texts, label in zip(by_label, labels, strict=True)
        if turn < len(texts)
    ]
    return turns[:many]
