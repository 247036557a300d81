"""A campaign of kills over all operations, and its account: a table and a JSON file."""

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import NamedTuple

import msgspec
from tests.faults.account import machine_of
from tests.faults.board import DELICATE, Phase
from tests.faults.catalogue import OPERATIONS
from tests.faults.kill import Ground, Kill
from tests.faults.loopdisk import loop_disk

WORKERS = 2
MOST_IN_ONE = 25
"""Kills in one workspace: what is there is gone through after each, so many cost more than they tell."""


class Part(NamedTuple):
    """Kills that follow one another in one workspace; numbered from 1 for each operation."""

    operation: str
    number: int
    kills: int


class Campaign(msgspec.Struct, frozen=True, kw_only=True):
    """What was done and what came of it."""

    seed: int
    wall_s: float
    machine: dict[str, object]
    kills: list[Kill]
    rehearsals: dict[str, list[str]]

    @property
    def problems(self) -> list[str]:
        """Everything that the oracle found."""
        found = [
            f"{name}, undisturbed: {problem}" for name, seen in self.rehearsals.items() for problem in seen
        ]
        for kill in self.kills:
            found += [f"kill {kill.number} of {kill.operation} in {kill.phase}: {p}" for p in kill.problems]
        return found

    @property
    def delicate_share(self) -> float:
        """Which part of the kills hit inside a transaction or a rename."""
        hits = [kill for kill in self.kills if kill.killed]
        names = {phase.name.lower() for phase in DELICATE}
        return sum(kill.phase in names for kill in hits) / max(1, len(hits))


def run_campaign(
    folder: Path,
    *,
    kills: int,
    seed: int,
    operations: Sequence[str] | None = None,
    progress: Callable[[Kill], None] | None = None,
    cuts_power: bool = False,
    is_careless: bool = False,
) -> Campaign:
    """Kill so many children, spread evenly over the operations; every aim follows from the seed.

    Kills of one operation follow one another in one workspace, up to `MOST_IN_ONE`; workspaces are tried
    beside one another.

    Args:
        folder: empty; for the workspaces.
        kills: how many.
        seed: decides every aim.
        operations: their names; all by default.
        progress: told of each kill.
        cuts_power: whether each workspace has a disk of its own, whose power is cut with each kill.
        is_careless: whether the children wait for no disk: the control, one kill a workspace.
    """
    names = list(operations or OPERATIONS)
    began = time.monotonic()
    numbers = count(1)

    def try_one(part: Part) -> tuple[list[str], list[Kill]]:
        name, share = part.operation, part.kills
        home = folder / f"{name.replace(' ', '-').replace('.', '-')}-{part.number}"
        home.mkdir(parents=True)
        with ExitStack() as stack:
            disk = stack.enter_context(loop_disk(home / "disk", home / "disk.img")) if cuts_power else None
            ground = Ground(name, home, f"{seed} {name} {part.number}", disk=disk, is_careless=is_careless)
            stack.callback(ground.close)
            rehearsal = ground.rehearse()
            if not ground.is_ready:
                return rehearsal, []
            done = []
            for _ in range(share):
                done.append(ground.kill(next(numbers)))
                if progress is not None:
                    progress(done[-1])
            return rehearsal, done

    # What a careless process left is no ground for another kill.
    order = _parts(names, kills, most_in_one=1 if is_careless else MOST_IN_ONE)
    random.Random(seed).shuffle(order)
    with ThreadPoolExecutor(WORKERS) as pool:
        results = list(zip(order, pool.map(try_one, order), strict=True))
    return Campaign(
        seed=seed,
        wall_s=round(time.monotonic() - began, 1),
        machine=machine_of(folder),
        kills=sorted((kill for _, (_, done) in results for kill in done), key=lambda kill: kill.number),
        rehearsals={
            name: [problem for part, (seen, _) in results if part.operation == name for problem in seen]
            for name in names
        },
    )


def _parts(names: Sequence[str], kills: int, *, most_in_one: int) -> list[Part]:
    """The kills, spread evenly over the operations and then over workspaces."""
    parts = []
    for place, name in enumerate(names):
        left = kills // len(names) + (place < kills % len(names))
        if not left:
            continue
        workspaces = max(1, -(-left // most_in_one))
        shares = [left // workspaces + (number < left % workspaces) for number in range(workspaces)]
        parts += [Part(name, number, share) for number, share in enumerate(shares, start=1)]
    return parts


def table(campaign: Campaign) -> str:
    """How often each operation was hit in each phase, as text."""
    phases = [phase.name.lower() for phase in Phase] + ["survived"]
    hits = Counter((kill.operation, kill.phase) for kill in campaign.kills)
    phases = [phase for phase in phases if any(found == phase for _, found in hits)]
    width = max((len(name) for name in campaign.rehearsals), default=0)
    lines = [" ".join(["operation".ljust(width), *(f"{phase:>11}" for phase in phases), "  problems"])]
    for name in campaign.rehearsals:
        bad = len(campaign.rehearsals[name]) + sum(
            len(k.problems) for k in campaign.kills if k.operation == name
        )
        cells = (f"{hits[name, phase] or '·':>11}" for phase in phases)
        lines.append(" ".join([name.ljust(width), *cells, f"{bad:>10}"]))
    killed = sum(kill.killed for kill in campaign.kills)
    lines.append(
        f"{killed} kills in {campaign.wall_s} s, seed {campaign.seed}: "
        f"{campaign.delicate_share:.0%} inside a transaction or rename, "
        f"{sum(kill.acknowledged for kill in campaign.kills)} operations acknowledged, "
        f"{len(campaign.problems)} problems"
    )
    return "\n".join(lines)
