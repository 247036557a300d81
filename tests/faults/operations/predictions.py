"""Under fault: the log of predictions sealed, and production observed, window by window."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import select
from tests.faults.loop import ENVIRONMENT, HIGHEST, MODEL, ROWS, START, clock_of, lay_loop
from tests.faults.operation import Act
from tests.faults.story import Story

from ropeway.core.clock import Clock, SystemClock
from ropeway.core.errors import RopewayError
from ropeway.ledger.tables import event
from ropeway.monitoring.events import AlertDelivered, AlertRaised, AlertResolved, WindowObserved
from ropeway.monitoring.observe import observe
from ropeway.predictions.history import feedback, predictions, shadows
from ropeway.predictions.operations import find_prediction
from ropeway.predictions.record import FeedbackRecord, ShadowRecord
from ropeway.predictions.seal import seal
from ropeway.serving.log import PredictionLog
from ropeway.testing import make_workspace
from ropeway.workspace import LocalWorkspace

SEGMENTS = 3
ANSWERS = 5
WINDOW = timedelta(hours=6)
LIVE = f"{MODEL}@1"


class SealSegments:
    """Three segments of each kind written and sealed a call; every record is there once, before and after."""

    name = "seal"
    repeats = False
    limit = 60

    def prepare(self, root: Path) -> None:
        make_workspace(root).close()

    @contextmanager
    def working(self, workspace: LocalWorkspace) -> Iterator[Act]:
        def act(token: str) -> object:
            given = []
            for number in range(SEGMENTS):
                xs = [float(number * ANSWERS + place) for place in range(ANSWERS)]
                given += _answer(workspace, SystemClock(), xs, mark=token, with_shadows=True)
            sealed = seal(workspace)
            assert not sealed.left, sealed.left
            return {"id": given[-1], "given": given}

        yield act

    def problems(self, workspace: LocalWorkspace, story: Story) -> list[str]:
        rows = predictions(workspace)
        of = dict(rows.select("id", "carried").iter_rows())
        truths = Counter(feedback(workspace)["id"].to_list())
        beside = Counter(shadows(workspace)["of"].to_list())
        problems = [
            f"prediction {each}: {count} times" for each, count in Counter(rows["id"]).items() if count > 1
        ]
        problems += [f"{each} has {count} shadows" for each, count in beside.items() if count > 1]
        for token, answer in story.acknowledged().items():
            problems += _not_found(workspace, answer["id"], token)
            for each in answer["given"]:
                if msgspec.json.decode(of.get(each) or "{}") != {"id": token}:
                    problems.append(f"prediction {each} of {token} is on record as {of.get(each)}")
                if (truths[each], beside[each]) != (1, 1):
                    problems.append(f"{each} of {token}: truths {truths[each]}, shadows {beside[each]}")
        return problems + _sealed_twice(workspace)


class ObserveProduction:
    """A window of production and a look at it a call; most windows drift, every third does not."""

    name = "observe"
    repeats = False
    limit = 60

    def prepare(self, root: Path) -> None:
        lay_loop(root)

    @contextmanager
    def working(self, workspace: LocalWorkspace) -> Iterator[Act]:
        root, clock = workspace.root, clock_of(workspace.root)
        with LocalWorkspace(root, actor="watch", clock=clock) as own:

            def act(token: str) -> object:
                number = int((clock.now() - START) / WINDOW)
                highest = HIGHEST if number % 3 == 0 else HIGHEST / 4
                xs = [highest * place / ROWS for place in range(ROWS)]
                given = _answer(own, clock, xs, mark=token)
                clock.set(START + (number + 1) * WINDOW + timedelta(minutes=1))
                seen = observe(own)
                assert not seen.notes, seen.notes
                return {
                    "id": given[-1],
                    "windows": [[each.ref, each.start] for each in seen.windows],
                    "raised": [each.id for each in seen.raised],
                    "resolved": [each.id for each in seen.resolved],
                }

            yield act

    def problems(self, workspace: LocalWorkspace, story: Story) -> list[str]:
        with workspace.ledger.reading() as connection:
            events = [fact.event for fact in workspace.ledger.facts(connection)]
        windows = Counter((each.ref, each.start) for each in events if isinstance(each, WindowObserved))
        raised = Counter(each.id for each in events if isinstance(each, AlertRaised))
        resolved = Counter(each.id for each in events if isinstance(each, AlertResolved))
        problems = [f"window {key}: {count} times" for key, count in windows.items() if count > 1]
        for name, found in (("raised", raised), ("resolved", resolved)):
            problems += [f"alert {each} {name} {count} times" for each, count in found.items() if count > 1]
        for token, answer in story.acknowledged().items():
            problems += _not_found(workspace, answer["id"], token)
            keys = [(ref, datetime.fromisoformat(start)) for ref, start in answer.get("windows", [])]
            problems += [f"window {key} of {token} is not on record" for key in keys if not windows[key]]
            for name, found in (("raised", raised), ("resolved", resolved)):
                problems += [
                    f"alert {each} of {token} is not {name}" for each in answer[name] if not found[each]
                ]
        return problems + _open_twice(events) + _told_wrong(workspace, events)


def _answer(
    workspace: LocalWorkspace, clock: Clock, xs: list[float], *, mark: str, with_shadows: bool = False
) -> list[str]:
    """One segment of each kind, as a service that ended leaves it; the ids of the answers."""
    given = []
    with PredictionLog(workspace.home, model=MODEL, environment=ENVIRONMENT, clock=clock) as log:
        for x in xs:
            answer, now = "high" if x >= HIGHEST / 2 else "low", clock.now()
            identity = log.add(
                LIVE,
                {"x": x},
                answer,
                {"high": 0.9, "low": 0.1} if answer == "high" else {"high": 0.1, "low": 0.9},
                at=now,
                latency_us=500,
                carried={"id": mark},
            )
            log.add_feedback(FeedbackRecord(id=identity, value=answer, at=now, by="cleo"))
            if with_shadows:
                log.add_shadow(
                    ShadowRecord(of=identity, at=now, model=f"{MODEL}@2", prediction=answer, latency_us=500)
                )
            given.append(str(identity))
    return given


def _not_found(workspace: LocalWorkspace, identity: Any, token: str) -> list[str]:
    try:
        find_prediction(workspace, prediction=identity)
    except RopewayError as error:
        return [f"prediction of {token}: {error}"]
    return []


def _sealed_twice(workspace: LocalWorkspace) -> list[str]:
    with workspace.ledger.reading() as connection:
        query = select(event.c.subject).where(event.c.verb == "segment-sealed")
        sealed = Counter(connection.execute(query).scalars())
    return [f"{subject} is sealed {count} times" for subject, count in sealed.items() if count > 1]


def _open_twice(events: list[Any]) -> list[str]:
    """Alerts of one rule on one version that were open side by side."""
    is_open: dict[tuple[str, str, str], str] = {}
    by_id: dict[str, tuple[str, str, str]] = {}
    problems = []
    for each in events:
        if isinstance(each, AlertRaised):
            key = by_id[each.id] = (each.rule, each.ref, each.environment)
            if key in is_open:
                problems.append(f"{each.id} was raised while {is_open[key]} was open")
            is_open[key] = each.id
        elif isinstance(each, AlertResolved) and is_open.pop(by_id[each.id], None) != each.id:
            problems.append(f"{each.id} was resolved and was not open")
    return problems


def _told_wrong(workspace: LocalWorkspace, events: list[Any]) -> list[str]:
    """Messages that are on record as taken and that the sink has not, or that are on record twice."""
    path = workspace.root / "alerts.jsonl"
    lines = path.read_bytes().rpartition(b"\n")[0].splitlines() if path.exists() else []
    # At least once: a kill between the sink and the record has it told again, under the same id.
    has = {msgspec.json.decode(line)["id"] for line in lines}
    taken = Counter(f"{each.id}.{each.state}" for each in events if isinstance(each, AlertDelivered))
    problems = [f"{each} was delivered {count} times" for each, count in taken.items() if count > 1]
    return problems + [f"{each} is not with its sink" for each in taken if each not in has]
