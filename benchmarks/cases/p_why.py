"""`why` in a ledger of a million events: where a model version came from, in the tweets project.

The other events are runs of other data, as years of training by itself would leave them: each has inputs,
code and its place in the lineage.
"""

from benchmarks.bench import Bench
from benchmarks.case import Case, Figure
from benchmarks.cases.h_answer import train_tweets
from ropeway.core.ids import Digest, PersonId, RunId, new_id
from ropeway.ledger import Transaction
from ropeway.story.why import why
from ropeway.tracking.events import CodeRecord, HostRecord, RunStarted
from ropeway.workspace import LocalWorkspace

EVENTS, BATCH, DATASETS = 1_000_000, 5_000, 1_000
GOAL_MS = 20.0
HOST = HostRecord(system="Linux", machine="x86_64", cores=2, memory_bytes=1)


def measure(bench: Bench) -> list[Figure]:
    root = bench.folder("tweets")
    train_tweets(root)
    events, asked = bench.times(EVENTS, 5_000), ("sentiment@1", "tweets")
    with LocalWorkspace(root, actor="ana") as workspace:
        before = {ref: _ask_ms(bench, workspace, ref) for ref in asked}
        _fill(workspace, events)
        after = {ref: _ask_ms(bench, workspace, ref) for ref in asked}
    return [
        Figure(
            what=f"why {ref}, {events:,} events",
            ours=after[ref],
            unit="ms",
            beside={"before the others came": before[ref]},
            goal=GOAL_MS,
        )
        for ref in asked
    ]


def _ask_ms(bench: Bench, workspace: LocalWorkspace, ref: str) -> float:
    return bench.median_ms(lambda: why(workspace, ref=ref), times=bench.times(50))


def _fill(workspace: LocalWorkspace, count: int) -> None:
    for first in range(0, count, BATCH):
        with workspace.ledger.transaction() as transaction:
            for number in range(first, min(count, first + BATCH)):
                _start(transaction, number)


def _start(transaction: Transaction, number: int) -> None:
    transaction.append(
        RunStarted(
            run=RunId(new_id("run")),
            kind="script",
            name=None,
            params={"c": number},
            tags=None,
            argv=None,
            hostname=None,
            inputs=[f"dataset:other-{number % DATASETS}@v1"],
            parent=None,
            code=CodeRecord(tree=Digest(f"{number % DATASETS:064x}")),
            environment=Digest(f"{0:064x}"),
            host=HOST,
        ),
        actor=PersonId("person_other"),
    )


CASE = Case(name="why", title="Asking why", measure=measure)
