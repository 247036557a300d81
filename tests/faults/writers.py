"""Many processes saturate one workspace: no error, no anomaly, an equal replay, and nobody starved.

The ledger's sequence is the order that the system claims. It is held against what each process saw: whatever
ended before something else began stands before it; a look at a snapshot sees what the sequence says up to
there; every promotion takes the place of the one before it; a command repeated under its key by everybody was
done once. The same for SQLite and for PostgreSQL: where the ledger is, is a URL.
"""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec
from tests.faults.line import lay, make_live
from tests.faults.oracle import problems_of
from tests.faults.writer import APPEND, LOOK, ONCE, PROMOTE, Call, WriterOrders

from ropeway.core.ids import PersonId
from ropeway.ledger import Event, Fact
from ropeway.ledger.people import PersonIntroduced
from ropeway.models.events import ModelPromoted
from ropeway.workspace import LocalWorkspace

HERE = Path(__file__).resolve().parents[2]
LEDGER = "ROPEWAY_LEDGER"
MODEL = "mood"


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """What one writer had done when the first was through, and its worst wait."""

    writer: int
    calls: int
    share: float
    worst_wait_s: float


class Writers(msgspec.Struct, frozen=True, kw_only=True):
    """The campaign."""

    ledger: str
    calls: int
    errors: int
    calls_per_s: float
    shares: list[Share]
    problems: list[str]


def write_at_once(folder: Path, *, writers: int, times: int, seed: int, ledger: str = "") -> Writers:
    """Let so many processes make so many calls each, and hold the workspace to what they saw.

    Args:
        folder: for the project.
        writers, times: how many processes, how many calls each.
        seed: decides every call.
        ledger: the URL of the ledger; the project's own SQLite file by default.
    """
    root = folder / "project"
    with ledger_at(ledger):
        lay(root)
        with LocalWorkspace(root, actor="ana") as workspace:
            refs = [make_live(workspace, mark).ref for mark in ("one", "two")]
        histories = _work(folder, root, refs, writers=writers, times=times, seed=seed)
        with LocalWorkspace(root, actor="ana") as workspace:
            problems = [*_anomalies(workspace, histories, refs), *problems_of(workspace)]
    calls = [call for history in histories for call in history]
    took = max(call.ended for call in calls) - min(call.began for call in calls)
    return Writers(
        ledger=ledger.partition(":")[0] or "sqlite",
        calls=len(calls),
        errors=sum(bool(call.error) for call in calls),
        calls_per_s=round(len(calls) / took, 1),
        shares=_shares(histories),
        problems=problems,
    )


@contextmanager
def ledger_at(url: str) -> Iterator[None]:
    """The ledger of every workspace that is opened in the block, here and in processes started here."""
    former = os.environ.get(LEDGER)
    if url:
        os.environ[LEDGER] = url
    try:
        yield
    finally:
        os.environ.pop(LEDGER, None)
        if former is not None:
            os.environ[LEDGER] = former


def _work(
    folder: Path, root: Path, refs: list[str], *, writers: int, times: int, seed: int
) -> list[list[Call]]:
    accounts = [folder / f"writer-{n}.json" for n in range(writers)]
    processes = []
    for number, account in enumerate(accounts):
        orders = WriterOrders(
            root=str(root),
            number=number,
            times=times,
            seed=seed,
            model=MODEL,
            refs=refs,
            account=str(account),
        )
        words = [sys.executable, "-m", "tests.faults.writer", msgspec.json.encode(orders).decode()]
        process = subprocess.Popen(words, cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        processes.append(process)
    # Nobody begins before all can: else the first would be through before the last has imported anything.
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n", "a writer did not begin"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"go\n")
        process.stdin.flush()
    for process in processes:
        process.communicate()
        assert process.returncode == 0, "a writer failed"
    return [msgspec.json.decode(account.read_bytes(), type=list[Call]) for account in accounts]


def _shares(histories: Sequence[Sequence[Call]]) -> list[Share]:
    """How even it was while all of them worked."""
    first = min(history[-1].ended for history in histories)
    done = [sum(call.ended <= first for call in history) for history in histories]
    return [
        Share(
            writer=number,
            calls=done[number],
            share=round(done[number] / sum(done), 4),
            worst_wait_s=round(max(call.ended - call.began for call in history), 3),
        )
        for number, history in enumerate(histories)
    ]


def _anomalies(
    workspace: LocalWorkspace, histories: Sequence[Sequence[Call]], refs: Sequence[str]
) -> list[str]:
    """Where what the processes saw is not what the sequence says."""
    calls = [call for history in histories for call in history]
    with workspace.ledger.reading() as connection:
        facts = list(workspace.ledger.facts(connection))
    problems = [call.error for call in calls if call.error]
    sound = [call for call in calls if not call.error]
    problems += out_of_order(sound)
    problems += _not_done_once(facts, sound)
    problems += _not_one_live(facts, sound, refs)
    names = Counter(fact.event.name for fact in facts if isinstance(fact.event, PersonIntroduced))
    for number, history in enumerate(histories):
        for place, call in enumerate(history):
            if call.kind == APPEND and not call.error and names[f"{number}/{place}"] != 1:
                problems.append(f"{number}/{place} is there {names[f'{number}/{place}']} times")
    return problems


class _Placed(NamedTuple):
    place: float
    call: Call


def out_of_order(calls: Sequence[Call]) -> list[str]:
    """Calls of which the later one ended before the earlier one began: no order in time is like that."""
    placed = [_Placed(call.answer, call) for call in calls if call.kind == APPEND]
    # A look stands between the last event that it saw and the next.
    placed += [_Placed(call.answer[0] + 0.5, call) for call in calls if call.kind == LOOK]
    latest, problems = float("-inf"), []
    # Looks at one place saw the same, and have no order but that of time.
    for each in sorted(placed, key=lambda one: (one.place, one.call.began)):
        if each.call.ended < latest:
            problems.append(f"{each.call.kind} at {each.place} ended before what stands before it began")
        latest = max(latest, each.call.began)
    return problems


def _not_done_once(facts: Sequence[Fact[Event]], calls: Sequence[Call]) -> list[str]:
    """Commands under one key that were done twice, or that told two callers different things."""
    ids = {fact.id: fact for fact in facts}
    done = Counter(
        fact.event.name
        for fact in facts
        if isinstance(fact.event, PersonIntroduced) and str(fact.event.name).startswith("once-")
    )
    told: dict[str, str] = {}
    problems = [f"{name} was done {count} times" for name, count in done.items() if count != 1]
    for call in calls:
        if call.kind == ONCE:
            name, answer = call.answer
            if told.setdefault(name, answer) != answer or answer not in ids:
                problems.append(f"{name} was told {answer}, and {told[name]}")
    return problems


def _not_one_live(facts: Sequence[Fact[Event]], calls: Sequence[Call], refs: Sequence[str]) -> list[str]:
    """Promotions that did not take the place of what was live then, and looks that saw another version."""
    moves = [(fact.seq, fact.event) for fact in facts if isinstance(fact.event, ModelPromoted)]
    problems, live = [], None
    for seq, move in moves:
        if move.replaced != live or move.number == live:
            problems.append(f"event {seq} put {move.number} in the place of {move.replaced}, not of {live}")
        live = move.number
    recorded = sum(fact.actor != moves_by(facts) for fact in facts if isinstance(fact.event, ModelPromoted))
    if recorded > sum(call.kind == PROMOTE for call in calls):
        problems.append(f"{recorded} promotions on record are more than were asked for")
    for call in calls:
        if call.kind == LOOK:
            seq, seen = call.answer
            then = [move.number for at, move in moves if at <= seq][-1]
            if seen != f"{MODEL}@{then}" or seen not in refs:
                problems.append(f"a look up to event {seq} saw {seen}, where {then} was live")
    return problems


def moves_by(facts: Sequence[Fact[Event]]) -> PersonId:
    """Who prepared the project: the first to promote."""
    return next(fact.actor for fact in facts if isinstance(fact.event, ModelPromoted))
