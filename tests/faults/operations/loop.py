"""Under fault: the controller, through retraining and rollout, while production goes on beside it."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec
from sqlalchemy import func, select
from tests.faults.loop import clock_of, lay_loop
from tests.faults.operation import Act
from tests.faults.releases import Releases
from tests.faults.story import Story
from tests.faults.traffic import Seen, Told, seen_file, told_file

from ropeway.continuous.action import Action
from ropeway.continuous.controller import reconcile
from ropeway.ledger.tables import event
from ropeway.predictions.history import feedback, predictions, shadows
from ropeway.workspace import LocalWorkspace

LONGEST_S = 20.0
"""How long a call waits for something to do."""
LineT = TypeVar("LineT")

_DONE = {
    "triggered": "RetrainingTriggered",
    "rollout-advanced": "RolloutAdvanced",
    "rollout-promoted": "RolloutEnded",
    "rollout-rolled-back": "RolloutEnded",
}
"""What must be on record of what a round said that it did."""


class ControlLoop:
    """Rounds of the controller until one has done something, a call."""

    name = "controller"
    repeats = False
    limit = 100

    def prepare(self, root: Path) -> None:
        lay_loop(root)

    @contextmanager
    def working(self, workspace: LocalWorkspace) -> Iterator[Act]:
        root = workspace.root
        with LocalWorkspace(root, actor="controller", clock=clock_of(root)) as own:

            def act(_token: str) -> object:
                done = _until_something(own)
                with own.ledger.reading() as connection:
                    last = connection.execute(select(event.c.id).order_by(event.c.seq.desc()).limit(1))
                    return {"id": last.scalar_one(), "done": [[each.kind, each.subject] for each in done]}

            yield act

    def problems(self, workspace: LocalWorkspace, story: Story) -> list[str]:
        # First what was told, then what is there: more may have come in between.
        told, seen = _lines(told_file(workspace.root), Told), _lines(seen_file(workspace.root), Seen)
        releases = Releases(workspace)
        return [
            *releases.problems,
            *releases.held_against(seen),
            *_not_on_record(workspace, story, releases),
            *_log_problems(workspace, told),
        ]


def _until_something(workspace: LocalWorkspace) -> list[Action]:
    ends = time.monotonic() + LONGEST_S
    while True:
        done = reconcile(workspace)
        errors = [each.says for each in done if each.kind in ("error", "failed", "data-refused")]
        assert not errors, errors
        if any(each.kind not in ("held", "note", "waiting") for each in done) or time.monotonic() > ends:
            return done
        time.sleep(0.02)


def _not_on_record(workspace: LocalWorkspace, story: Story, releases: Releases) -> list[str]:
    with workspace.ledger.reading() as connection:
        ids = set(connection.execute(select(event.c.id)).scalars())
        open_at_once = connection.execute(select(func.count()).select_from(event)).scalar_one()
    problems = [] if open_at_once == len(ids) else ["two events have one id"]
    for token, answer in story.acknowledged().items():
        if answer["id"] not in ids:
            problems.append(f"the last event of {token} is not there: {answer['id']}")
        for kind, subject in answer["done"]:
            name = _DONE.get(kind)
            whose = "retraining" if kind == "triggered" else "rollout"
            if name is not None and not releases.happened[name, f"{whose}:{subject}"]:
                problems.append(f"{token} said {kind} of {subject}, which is not on record")
    return problems


def _log_problems(workspace: LocalWorkspace, told: list[Told]) -> list[str]:
    """What was in the log and is not there once."""
    given = Counter(predictions(workspace)["id"].to_list())
    truths = dict(feedback(workspace).select("id", "truth").iter_rows())
    beside = Counter(shadows(workspace)["of"].to_list())
    problems = [f"prediction {identity}: {count} times" for identity, count in given.items() if count != 1]
    for line in told:
        problems += [f"prediction {each} is lost" for each in line.given if each not in given]
        problems += [
            f"feedback on {each} is {truths.get(each)}, not {truth}"
            for each, truth in line.said.items()
            if truths.get(each) != msgspec.json.encode(truth).decode()
        ]
        problems += [
            f"shadows of {each}: {beside[each]} of {count}"
            for each, count in Counter(line.mirrored).items()
            if beside[each] != count
        ]
    return problems


def _lines(path: Path, kind: type[LineT]) -> list[LineT]:
    if not path.exists():
        return []
    whole = path.read_bytes().rpartition(b"\n")[0]
    return [msgspec.json.decode(line, type=kind) for line in whole.splitlines()]
