"""A small HTTP load generator: keep-alive connections that ask one after another, and exact latencies.

Its own cost, some tens of microseconds a request, is in every figure, ours and the peers' alike.
"""

import asyncio
import time
from collections.abc import Callable

import msgspec

ANSWER_S = 20.0


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen: requests a second, and latencies in milliseconds, all of them in rising order too."""

    per_s: float
    p50_ms: float
    p99_ms: float
    failed: int
    each_ms: list[float]


def post_load(
    host: str, port: int, path: str, body: Callable[[int], bytes], *, connections: int, seconds: float
) -> Load:
    """Post bodies as fast as the answers come, for a while, after a short warm-up.

    Args:
        host: of the service.
        port: of the service.
        path: what to post to.
        body: the n-th request's JSON.
        connections: how many ask at once.
        seconds: for how long.
    """
    asyncio.run(_drive(host, port, path, body, connections, min(1.0, seconds / 4)))
    taken, failed, wall = asyncio.run(_drive(host, port, path, body, connections, seconds))
    taken.sort()
    each_ms = [one * 1e3 for one in taken]
    return Load(
        per_s=len(taken) / wall,
        p50_ms=each_ms[len(taken) // 2],
        p99_ms=each_ms[int(len(taken) * 0.99)],
        failed=failed,
        each_ms=each_ms,
    )


async def _drive(
    host: str, port: int, path: str, body: Callable[[int], bytes], connections: int, seconds: float
) -> tuple[list[float], int, float]:
    ends, began = time.perf_counter() + seconds, time.perf_counter()
    results = await asyncio.gather(
        *(_ask(host, port, path, body, ends, number) for number in range(connections))
    )
    wall = time.perf_counter() - began
    return [one for taken, _ in results for one in taken], sum(failed for _, failed in results), wall


async def _ask(
    host: str, port: int, path: str, body: Callable[[int], bytes], ends: float, number: int
) -> tuple[list[float], int]:
    reader, writer = await asyncio.open_connection(host, port)
    taken: list[float] = []
    failed, at = 0, number * 1_000_003
    head = f"POST {path} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/json\r\n".encode()
    while (began := time.perf_counter()) < ends:
        content = body(at)
        at += 1
        writer.write(head + b"Content-Length: %d\r\n\r\n" % len(content) + content)
        status = await asyncio.wait_for(_read_answer(reader), ANSWER_S)
        taken.append(time.perf_counter() - began)
        failed += status != b"200"
    writer.close()
    return taken, failed


async def _read_answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    lowered = head.lower()
    start = lowered.index(b"content-length:") + len(b"content-length:")
    await reader.readexactly(int(lowered[start : lowered.index(b"\r\n", start)]))
    return head.split(b" ", 2)[1]
