"""Every operation, each of its arguments in turn, with what no operation expects.

The tests go through a random part; all of it, on SQLite and on PostgreSQL:

    python -m tests.attacks.leaks [--only sqlite|postgresql] [--every N]

It says how far it is, and ends with 1 where something was told.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import msgspec
from tests.attacks.town import Town
from tests.postgres import PostgresServer, find_program

from ropeway.testing import MINIMAL_PROJECT
from ropeway.workspace.operation import OPERATIONS

VALUES: tuple[Any, ...] = (
    *(
        "",
        "\x00",
        "a\x00b",
        "'; drop table event; --",
        '" or 1=1 --',
        "../../etc/passwd",
        "file:///etc/passwd",
    ),
    *(
        "x" * 5_000,
        "\U0001f600",
        "%s{}$x${y}",
        "mood@1",
        "mood@99999999999999999999",
        "\u202e",
        "user__password",
    ),
    *("\r\nset-cookie: a=b", "1e400", "(a+)+$", "0" * 64, "2026-13-45", "9999-12-31T23:59:59Z", "0000-00-00"),
    *(-1, 0, 2**53 - 1, -(2**53) + 1, 10**15, 1.5, True, None, [], ["\x00"], [[]], {}, {"\x00": 1}),
)
JSON = {"content-type": "application/json"}
LEFT_OUT = ("workspace.rebuild", "audit.replace-key")
"""Slow, or the end of the trial."""
TELLING = (
    "Traceback",
    "SELECT ",
    "INSERT ",
    " JOIN ",
    "DETAIL:",
    "sqlalchemy",
    "psycopg",
    "sqlite3",
    "site-packages",
    '.py"',
)


class Attempt(NamedTuple):
    """One call: an operation, and its arguments, one of which is hostile."""

    operation: str
    arguments: dict[str, Any]


def attempts() -> Iterator[Attempt]:
    """All of them."""
    for name, each in sorted(OPERATIONS.items()):
        if each.kind == "stream" or name in LEFT_OUT or not each.__module__.startswith("ropeway."):
            continue
        fields = msgspec.structs.fields(each.arguments)
        plain = {field.name: _plain(str(field.type)) for field in fields if field.required}
        for field in fields:
            for value in VALUES:
                yield Attempt(name, {**plain, field.name: value})


def _plain(kind: str) -> Any:
    if "list" in kind:
        return []
    if "dict" in kind:
        return {}
    return 1 if "int" in kind or "float" in kind else "mood@1" if "str" in kind else "0" * 64


def told(town: Town, attempt: Attempt) -> str:
    """What an answer says that it should not; "" where all is well."""
    given = json.dumps(attempt.arguments)
    try:
        reply = town.ask("POST", f"/api/v1/{attempt.operation}", "admin", content=given, headers=JSON)
    except httpx.HTTPError as error:
        return f"{attempt.operation} {given[:1_000]}: no answer, {error!r}"
    found = [each for each in (*TELLING, str(town.root)) if each in reply.text and each not in given]
    if reply.status_code >= 500 or found:
        return f"{attempt.operation} {given[:200]}: {reply.status_code} {found} {reply.text[:300]}"
    return ""


def main() -> int:
    """Go through all of it, and say what was told."""
    parser = argparse.ArgumentParser(prog="python -m tests.attacks.leaks")
    parser.add_argument("--only", choices=("sqlite", "postgresql"), help="the ledger; both by default")
    parser.add_argument("--every", type=int, default=1, help="one attempt in so many")
    options = parser.parse_args()
    places = {"sqlite": MINIMAL_PROJECT}
    server = PostgresServer() if find_program("postgres") else None
    if server is not None:
        places["postgresql"] = f'{MINIMAL_PROJECT}\n[workspace]\nledger = "{server.schema()}"\n'
    problems: list[str] = []
    try:
        for place, toml in places.items():
            if options.only in (None, place):
                problems += _go_through(place, toml, options.every)
    finally:
        if server is not None:
            server.destroy()
    return bool(problems)


def _go_through(place: str, toml: str, every: int) -> list[str]:
    """What is told of a project in one ledger."""
    problems, began, operation = [], time.monotonic(), ""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        town = Town(Path(folder), toml)
        chosen = list(attempts())[::every]
        for number, each in enumerate(chosen):
            if each.operation != operation:
                operation = each.operation
                took = time.monotonic() - began
                print(f"{place}: {number:,} of {len(chosen):,}, {took:.0f} s, {operation}", file=sys.stderr)
            if problem := told(town, each):
                problems.append(problem)
                print(f"! {problem}", file=sys.stderr)
        town.close()
    took_s = round(time.monotonic() - began)
    print(json.dumps({"ledger": place, "requests": len(chosen), "told": len(problems), "s": took_s}))
    return problems


if __name__ == "__main__":
    sys.exit(main())
