"""Many runs with ten params and ten metrics each, the same in our ledger and in a peer's store.

`m0` is what filters ask for, uniform between 0 and 1; `m1` goes with it, `m2` against it, the others are of
their own. Ours are written into the tables that replaying events would fill, in bulk: as
events, a million runs would take longer than all that is measured, and the tables are the same.
"""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Index, Table, select

from ropeway.core.clock import to_text
from ropeway.core.ids import RunId
from ropeway.ledger import Ledger
from ropeway.tracking.live import append_points
from ropeway.tracking.projections import OWN_EXPERIMENT, run, run_hex, run_metric, run_param
from ropeway.tracking.series import columns

KEYS = 10
CHUNK = 2_000
TOLD = 50_000
"""After so many runs it says how far it has come."""
CACHE_KB = 500_000
USUAL_KB = 2_000
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def metrics(rng: random.Random) -> list[float]:
    """One run's metrics."""
    first = rng.random()
    return [first, first + rng.random() * 1e-3, -first, *(rng.random() for _ in range(KEYS - 3))]


def params(rng: random.Random, number: int) -> list[str]:
    """One run's params."""
    return [str(number), rng.choice(("adam", "sgd")), *(f"{rng.random():.4f}" for _ in range(KEYS - 2))]


def fill(ledger: Ledger, count: int) -> None:
    """Put runs into the tables; says how far it has come, where they are many."""
    rng = random.Random(11)
    for start in range(0, count, CHUNK):
        numbers = range(start, min(start + CHUNK, count))
        ids = {number: f"run_{rng.getrandbits(128):032x}" for number in numbers}
        with ledger.transaction(alone=True) as transaction:
            connection = transaction.connection
            if start == 0:
                _loosen(connection)
            rows = [row for number in numbers for row in _rows(rng, ids[number], number)]
            _put(connection, run, [_run(ids[number], number) for number in numbers])
            _put(connection, run_param, [row for row in rows if "text" in row])
            _put(connection, run_metric, [row for row in rows if "last" in row])
        if start and start % TOLD == 0:
            print(f"  {start:,} of {count:,} runs made", flush=True)
    with ledger.transaction(alone=True) as transaction:
        for index in _indexes():
            index.create(transaction.connection)
        # What is measured has no more room than any workspace.
        transaction.connection.exec_driver_sql(f"PRAGMA cache_size = -{USUAL_KB}")


def _loosen(connection: Connection) -> None:
    """Without indexes, which are made at the end in one go, and with room for what is written all over."""
    connection.exec_driver_sql(f"PRAGMA cache_size = -{CACHE_KB}")
    for index in _indexes():
        index.drop(connection)


def _indexes() -> list[Index]:
    return [index for table in (run, run_param, run_metric) for index in table.indexes]


def _put(connection: Connection, table: Table, rows: list[dict[str, object]]) -> None:
    """The driver's own way in: with ours, most of the time would be spent on names."""
    names = ", ".join(f'"{name}"' for name in rows[0])
    told = f"INSERT INTO {table.name} ({names}) VALUES ({', '.join('?' * len(rows[0]))})"
    connection.exec_driver_sql(told, [tuple(row.values()) for row in rows])


def _run(run_id: str, number: int) -> dict[str, object]:
    began = BEGAN + timedelta(seconds=number)
    own = {"hex": run_hex(run_id), "experiment": OWN_EXPERIMENT, "lifecycle": "active"}
    return {
        **own, "id": run_id, "seq": 10 + number, "name": f"run {number}", "kind": "script",
        "status": "finished",
        "person": "ana", "started_at": to_text(began), "ended_at": to_text(began + timedelta(minutes=1)),
        "duration_s": 60.0, "cpu_s": 50.0, "peak_memory_bytes": 10**8, "code": "0" * 64, "commit_id": "",
        "is_dirty": False, "left_out": "[]", "environment": "0" * 64, "hostname": "here",
        "host": '{"system":"Linux","machine":"x86_64","cores":2,"memory_bytes":1}', "argv": None,
        "point_count": 0, "error_type": "",
    }  # fmt: skip


def _rows(rng: random.Random, run_id: str, number: int) -> Iterator[dict[str, object]]:
    of = {"run": run_id, "run_seq": 10 + number}
    for key, value in enumerate(metrics(rng)):
        yield {**of, "key": f"m{key}", "last": value, "min": value, "max": value, "count": 1}
    for key, text in enumerate(params(rng, number)):
        spelled = None if text.isalpha() else float(text)
        yield {**of, "key": f"p{key}", "value": f'"{text}"', "number": spelled, "text": text}


def enliven(ledger: Ledger, count: int) -> None:
    """Let some of the runs log on: their last values of all metrics are tips of points that wait."""
    rng = random.Random(12)
    with ledger.reading() as connection:
        ids = connection.execute(select(run.c.id).order_by(run.c.id).limit(count)).scalars().all()
    for run_id in ids:
        values = metrics(rng)
        points = columns([f"m{key}" for key in range(KEYS)], values, [1] * KEYS, [1] * KEYS)
        with ledger.transaction() as transaction:
            append_points(transaction, RunId(run_id), points)
