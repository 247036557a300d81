"""Under fault: versions registered, judged, and taken the whole way to production."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
from tests.faults.line import lay, learn, make_live, pass_gate
from tests.faults.operation import Act
from tests.faults.story import Story

from ropeway.core.errors import RopewayError
from ropeway.models.load import load_model
from ropeway.models.operations import list_models, model_history
from ropeway.models.states import State
from ropeway.workspace import LocalWorkspace

MODEL = "mood"
ROW = pl.DataFrame({"text": ["a fine glad day"]})


class RegisterModels:
    """A run and its registration a call; each version must load and answer."""

    name = "model register"
    repeats = True
    limit = 100

    def prepare(self, root: Path) -> None:
        lay(root)

    @contextmanager
    def working(self, workspace: LocalWorkspace) -> Iterator[Act]:
        yield lambda token: learn(workspace, token).ref

    def problems(self, workspace: LocalWorkspace, story: Story) -> list[str]:
        acknowledged = story.acknowledged()
        if not acknowledged:
            return []
        versions = list_models(workspace, name=MODEL, limit=1_000)
        refs, problems = Counter(version.ref for version in versions), []
        problems += [
            f"{ref} of {token}: {refs[ref]} times" for token, ref in acknowledged.items() if refs[ref] != 1
        ]
        if len(set(acknowledged.values())) != len(acknowledged):
            problems.append(f"two calls were told the same version: {acknowledged}")
        contents = Counter(version.content for version in versions)
        problems += [
            f"content {content} is registered twice" for content, found in contents.items() if found > 1
        ]
        # Loading is dear: the newest few, among them what the kill was nearest to.
        return problems + [p for version in versions[:3] for p in _cannot_answer(workspace, version.ref)]


class JudgeModels:
    """The gate, over and over on one candidate; every look is on record."""

    name = "gate"
    repeats = False
    limit = 100

    def prepare(self, root: Path) -> None:
        lay(root)
        with LocalWorkspace(root, actor="ana") as workspace:
            learn(workspace, "candidate")

    @contextmanager
    def working(self, workspace: LocalWorkspace) -> Iterator[Act]:
        yield lambda token: pass_gate(workspace, f"{MODEL}@1").look

    def problems(self, workspace: LocalWorkspace, story: Story) -> list[str]:
        acknowledged = list(story.acknowledged().values())
        with workspace.ledger.reading() as connection:
            events = [fact.event for fact in workspace.ledger.facts(connection)]
        looks = [event.look for event in events if type(event).__name__ == "GateEvaluated"]
        problems = [
            f"look {look} is there {looks.count(look)} times"
            for look in acknowledged
            if looks.count(look) != 1
        ]
        if looks != list(range(1, len(looks) + 1)):
            problems.append(f"looks are {looks}")
        return problems


class PromoteModels:
    """A new version the whole way a call: run, register, gate, approve, promote."""

    name = "approve, promote"
    repeats = False
    limit = 100

    def prepare(self, root: Path) -> None:
        lay(root)

    @contextmanager
    def working(self, workspace: LocalWorkspace) -> Iterator[Act]:
        yield lambda token: make_live(workspace, token).ref

    def problems(self, workspace: LocalWorkspace, story: Story) -> list[str]:
        acknowledged = list(story.acknowledged().values())
        if not acknowledged:
            return []
        versions = list_models(workspace, name=MODEL, limit=1_000)
        live = [version for version in versions if version.environments]
        problems = []
        if len(live) != 1 or live[0].state is not State.LIVE or live[0].number < _number(acknowledged[-1]):
            problems.append(
                f"live: {[(version.ref, version.state) for version in live]}, not {acknowledged[-1]}"
            )
        moves = model_history(workspace, name=MODEL).moves
        promoted = Counter(
            move.ref for move in moves if move.after is State.LIVE and move.before is not State.LIVE
        )
        problems += [
            f"{ref} was promoted {promoted[ref]} times" for ref in acknowledged if promoted[ref] != 1
        ]
        if len(promoted) > len(story.begun()):
            problems.append(f"{len(promoted)} promotions of {len(story.begun())} begun")
        return problems + [p for version in live for p in _cannot_answer(workspace, version.ref)]


def _cannot_answer(workspace: LocalWorkspace, ref: str) -> list[str]:
    try:
        with load_model(workspace, ref) as model:
            answer = model.predict(ROW)
    except RopewayError as error:
        return [f"{ref} does not answer: {error}"]
    return [] if answer["good"][0] > 0.5 else [f"{ref} answers {answer}"]


def _number(ref: str) -> int:
    return int(ref.partition("@")[2])
