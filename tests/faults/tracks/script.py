"""A training script that writes down what it was told: one byte for each call on its run that came back.

What it does follows from its seed, so that a checker knows which calls these were.
"""

import os
import random
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from ropeway.tracking.run import Run

Verb = Literal["point", "param", "tag", "file", "part-point", "part-param", "part-file"]
VERBS: tuple[Verb, ...] = ("point", "param", "tag", "file", "part-point", "part-param", "part-file")
WEIGHTS = (200, 4, 4, 4, 40, 2, 2)
LONGEST = 1_500
DONE, REFUSED, ENDED = b"+", b"-", b"E"


class Act(NamedTuple):
    """One call: what, and the number that its name, step and value are made of."""

    verb: Verb
    number: int

    @property
    def value(self) -> float:
        """Of a point."""
        return self.number / 2


class Script(msgspec.Struct, frozen=True):
    """What one is told: its project, its seed, its name, where it writes down what it was told."""

    root: str
    seed: str
    name: str
    told: str

    def acts(self) -> Iterator[Act]:
        """Its calls, in their order."""
        chance = random.Random(self.seed)
        for number in range(chance.randrange(20, LONGEST)):
            yield Act(chance.choices(VERBS, WEIGHTS)[0], number)


def work(script: Script) -> None:
    """Log a run, and a part of it as another process would."""
    import ropeway
    from ropeway.core.errors import RopewayError

    told = os.open(script.told, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    with ropeway.run(name=script.name, project=script.root) as run, ExitStack() as stack:
        os.write(told, f"{run.id}\n".encode())
        part = stack.enter_context(ropeway.run(join=run.id, project=script.root))
        for act in script.acts():
            try:
                _do(part if act.verb.startswith("part") else run, act)
            except (RopewayError, OSError):
                os.write(told, REFUSED)
            else:
                os.write(told, DONE)
    os.write(told, ENDED)


def _do(run: Run, act: Act) -> None:
    match act.verb.removeprefix("part-"):
        case "point":
            run.log(act.number, **{"theirs" if act.verb.startswith("part") else "ours": act.value})
        case "param":
            run.set(**{f"p{act.number}": act.number})
        case "tag":
            run.tag(**{f"t{act.number}": act.number})
        case "file":
            run.artifact(f"f{act.number}.txt", content(act.number))


def content(number: int) -> bytes:
    """Of a file."""
    return str(number).encode() * 50


def told(script: Script) -> tuple[str, list[bytes], bool]:
    """What it wrote down: its run, empty where it never began; what came of each call; whether it ended."""
    path = Path(script.told)
    data = path.read_bytes() if path.exists() else b""
    run, _, rest = data.partition(b"\n")
    outcomes = [rest[place : place + 1] for place in range(len(rest))]
    is_ended = outcomes[-1:] == [ENDED]
    return run.decode(), outcomes[: len(outcomes) - is_ended], is_ended
