"""The limit for points in PostgreSQL: COPY in binary from prepared bytes, a transaction a batch."""

import threading
import time

import numpy as np
from benchmarks.bench import Bench

SECONDS = 5.0
KINDS = {"key": ">i4", "time": ">i8", "step": ">i8", "value": ">f8"}
ROW = np.dtype(
    [
        ("fields", ">i2"),
        *(field for name, kind in KINDS.items() for field in ((f"{name}_n", ">i4"), (name, kind))),
    ]
)
HEAD, TAIL = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"


def copied_per_s(bench: Bench, url: str, writers: int, points: int) -> float:
    """Points a second that several connections copy into one table without an index."""
    import psycopg

    plain, _, schema = url.partition("?schema=")
    seconds = 0.5 if bench.quick else SECONDS
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(f'CREATE SCHEMA "{schema}"')
        connection.execute(f'CREATE TABLE "{schema}".bare (key int4, time int8, step int8, value float8)')
    batch, done = _batch(points), [0] * writers
    ends = time.perf_counter() + seconds

    def write(number: int) -> None:
        with psycopg.connect(plain) as connection:
            while time.perf_counter() < ends:
                with connection.cursor().copy(f'COPY "{schema}".bare FROM STDIN (FORMAT BINARY)') as copy:
                    copy.write(batch)
                connection.commit()
                done[number] += points

    began = time.perf_counter()
    threads = [threading.Thread(target=write, args=(number,)) for number in range(writers)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return sum(done) / (time.perf_counter() - began)


def _batch(points: int) -> bytes:
    rows = np.zeros(points, dtype=ROW)
    rows["fields"] = len(KINDS)
    for name in KINDS:
        rows[f"{name}_n"] = rows[name].itemsize
    rows["key"], rows["step"] = np.arange(points) % 2, np.arange(points)
    rows["time"], rows["value"] = (
        1_700_000_000_000_000 + 100 * np.arange(points),
        np.random.default_rng(0).random(points),
    )
    return HEAD + rows.tobytes() + TAIL
