"""Every kind of fault by its name: how to do it, in full or in short, and what its figures are."""

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from tests.faults import disk, interposer, loopdisk, mutants, stops
from tests.faults.bucket import Harm, harm_bucket
from tests.faults.calls import TRIED, Failing
from tests.faults.campaign import Campaign, run_campaign, table
from tests.faults.flips import run_flips
from tests.faults.flips import table as table_of_flips
from tests.faults.mutants import seed_faults
from tests.faults.network import cut_network
from tests.faults.power import cut_power
from tests.faults.scenarios import run_scenarios
from tests.faults.stops import stop_postgres
from tests.faults.tamper import tamper_often
from tests.faults.tracks import campaigns
from tests.faults.tracks.waiting import break_sync
from tests.faults.writers import Writers, write_at_once

HERE = Path(__file__).resolve().parents[2]
Say = Callable[[str], None]
WRITERS = 8
CONTROLS = 12


class Order(NamedTuple):
    """What is asked of a kind."""

    folder: Path
    count: int
    seed: int
    only: list[str] | None
    ledger: str
    say: Say


class Result(NamedTuple):
    """What came of it: see `Account`. `shown` is a table for who watches."""

    figures: dict[str, Any]
    problems: list[str]
    details: Any
    shown: str = ""


class Kind(NamedTuple):
    """One kind of fault.

    Attributes:
        says: what is done and what must hold, in a line.
        full: how many make the full form; 0 where there is nothing to count.
        do: does it.
        why_not: why it cannot be done here; empty when it can.
    """

    says: str
    full: int
    do: Callable[[Order], Result]
    why_not: Callable[[Path], str] = lambda _folder: ""


def _kills(order: Order) -> Result:
    campaign = run_campaign(
        order.folder,
        kills=order.count,
        seed=order.seed,
        operations=order.only,
        progress=lambda kill: order.say(_of_kill(kill)),
    )
    return Result(_figures(campaign, "kills"), campaign.problems, campaign, table(campaign))


def _power(order: Order) -> Result:
    found = cut_power(
        order.folder,
        cuts=order.count,
        controls=min(CONTROLS, max(2, order.count // 10)),
        seed=order.seed,
        operations=order.only,
        progress=lambda kill: order.say(_of_kill(kill)),
    )
    figures = _figures(found.cuts, "power cuts")
    figures["of the control's cuts lost work"] = f"{found.control_lost} of {len(found.control.kills)}"
    return Result(figures, found.problems, found, table(found.cuts))


def _calls(order: Order) -> Result:
    # In a process of its own, which has no threads and may fork.
    words = ["failing", str(max(1, order.count)), *(order.only or TRIED)]
    told = subprocess.run(
        [sys.executable, "-m", "tests.faults.calls", *words], cwd=HERE, stdout=subprocess.PIPE, check=True
    ).stdout
    done = msgspec.json.decode(told, type=list[Failing])
    problems = [
        f"{each.fault} at call {each.number} ({each.call} {each.path}) of {each.operation}: {problem}"
        for each in done
        for problem in each.problems
    ]
    figures = {
        "calls failed": len(done),
        "operations": len({each.operation for each in done}),
        "acknowledged all the same": sum(each.said == "acknowledged" for each in done),
    }
    return Result(figures, problems, done)


def _scenarios(kind: str) -> Callable[[Order], Result]:
    def do(order: Order) -> Result:
        found = run_scenarios(kind, order.folder)
        skipped = [each for each in found if each.skipped]
        figures = {"scenarios": len(found), "skipped": len(skipped)}
        return Result(figures, [f"{each.name}: {each.problem}" for each in found if each.problem], found)

    return do


def _writers(order: Order) -> Result:
    done: list[Writers] = [
        write_at_once(
            order.folder / "writers", writers=WRITERS, times=order.count, seed=order.seed, ledger=order.ledger
        )
    ]
    if not order.ledger and not stops.why_not():
        from tests.postgres import PostgresServer

        server = PostgresServer()
        try:
            done.append(
                write_at_once(
                    order.folder / "postgres",
                    writers=WRITERS,
                    times=order.count,
                    seed=order.seed,
                    ledger=server.schema(),
                )
            )
        finally:
            server.destroy()
    figures: dict[str, Any] = {}
    for each in done:
        shares = [share.share for share in each.shares]
        worst = max(share.worst_wait_s for share in each.shares)
        figures[f"operations in {each.ledger}"] = each.calls
        figures[f"errors in {each.ledger}"] = each.errors
        figures[f"a second in {each.ledger}"] = each.calls_per_s
        figures[f"shares in {each.ledger}"] = f"{min(shares):.1%} to {max(shares):.1%}"
        figures[f"s the worst wait in {each.ledger}"] = worst
    return Result(figures, [f"{each.ledger}: {p}" for each in done for p in each.problems], done)


def _postgres(order: Order) -> Result:
    found = stop_postgres(
        order.folder, stops=order.count, seed=order.seed, progress=lambda n: order.say(f"stop {n}")
    )
    figures = {
        "stops": found.stops,
        "commands acknowledged": found.told,
        "asked again": found.asked_again,
    }
    return Result(figures, found.problems, found)


def _network(order: Order) -> Result:
    found = cut_network(
        order.folder, cuts=order.count, seed=order.seed, progress=lambda n: order.say(f"cut {n} of a client")
    )
    figures = {
        "cuts": found.struck,
        "requests answered in the end": len(found.told),
        "tries": sum(each.tries for each in found.told),
    }
    return Result(figures, found.problems, found)


def _bucket(order: Order) -> Result:
    found = harm_bucket(
        order.folder, faults=order.count, seed=order.seed, progress=lambda harm: order.say(_of_harm(harm))
    )
    struck = [each for each in found.harms if each.struck]
    figures = {
        "faults": len(struck),
        "processes killed": sum(each.is_kill for each in struck),
        "lines cut": sum(not each.is_kill for each in struck),
        "commands acknowledged": found.acknowledged,
        "by act": dict(Counter(each.act for each in struck)),
    }
    return Result(figures, found.problems, found)


def _mutants(order: Order) -> Result:
    outcomes = seed_faults(
        order.folder,
        mutants.MUTANTS[: order.count],
        progress=lambda each: order.say(f"{'caught' if each.caught else 'MISSED':<7} {each.name}  {each.by}"),
    )
    missed = [each.name for each in outcomes if not each.caught]
    problems = [each.problem for each in outcomes if each.problem]
    # One in twenty may go unnoticed: which one, is said.
    if len(missed) > len(outcomes) // 20:
        problems += [f"nobody noticed that {name}" for name in missed]
    figures = {"seeded": len(outcomes), "caught": len(outcomes) - len(missed), "missed": missed or "none"}
    return Result(figures, problems, outcomes)


def _flips(order: Order) -> Result:
    found = run_flips(order.folder, count=order.count, seed=order.seed)
    data = [flip for flip in found.flips if flip.touches_data]
    figures = {
        "flips": len(found.flips),
        "in data": len(data),
        "of them found": sum(flip.found for flip in data),
        "declared beforehand": sum(bool(flip.declared) for flip in data),
        "wrong bytes handed out": sum(flip.handed_out for flip in found.flips),
    }
    problems = [f"bit {each.bit} of byte {each.byte} of {each.file} was missed" for each in found.missed]
    return Result(figures, problems, found, table_of_flips(found))


def _tamper(order: Order) -> Result:
    found = tamper_often(order.count, order.seed)
    figures = {
        "tampers": order.count,
        "ways": len(found.found),
        "found": sum(found.found.values()),
        "declared beforehand": sum(found.declared.values()),
    }
    return Result(figures, found.missed, found, found.table)


def _tracks(name: str, do: Callable[..., campaigns.Tracks]) -> Callable[[Order], Result]:
    def act(order: Order) -> Result:
        found = do(order.folder, order.count, seed=order.seed, say=order.say)
        figures = {
            name: found.faults,
            "requests acknowledged": found.acknowledged,
            "sent again": found.sent_again,
            "points": found.points,
            "files": found.files,
            "runs": found.runs,
            "s under load": found.under_load_s,
        }
        return Result(figures, found.problems, found)

    return act


def _sync(order: Order) -> Result:
    found = break_sync(order.folder, order.count, seed=order.seed, say=order.say)
    figures = {
        "kills": sum(found.kills.values()),
        **{f"of them of a {what}": count for what, count in sorted(found.kills.items())},
        "disks full": found.full,
        "runs": found.runs,
        "points": found.points,
        "params, tags and files": found.others,
    }
    return Result(figures, found.problems, found)


def _figures(campaign: Campaign, name: str) -> dict[str, Any]:
    return {
        name: sum(kill.killed for kill in campaign.kills),
        "operations": len({kill.operation for kill in campaign.kills}),
        "inside a transaction or rename": f"{campaign.delicate_share:.0%}",
        "acknowledged": sum(kill.acknowledged for kill in campaign.kills),
        "by phase": dict(Counter(kill.phase for kill in campaign.kills)),
    }


def _of_harm(harm: Harm) -> str:
    how = "killed" if harm.is_kill else harm.manner
    hit = ("hit" if harm.struck else "missed") + "".join(f"\n! {problem}" for problem in harm.problems)
    return (
        f"{harm.number:>4} {harm.act:<5} {how:<6} after {harm.after:>9,} bytes of a {harm.direction}: {hit}"
    )


def _of_kill(kill: Any) -> str:
    return f"{kill.number:>4} {kill.operation:<20} {kill.aim:<6} at {kill.at:<12} hit {kill.phase}"


KINDS = {
    "kills": Kind("SIGKILL at work; what was acknowledged is there once, fsck is clean", 1_000, _kills),
    "power": Kind(
        "the disk stops dead; what was acknowledged is on it; a control must lose",
        300,
        _power,
        loopdisk.why_not,
    ),
    "calls": Kind(
        "EIO or ENOSPC at every n-th call; before or after, nothing between",
        1,
        _calls,
        lambda _folder: interposer.why_not(),
    ),
    "disk": Kind("a disk of 16 MB runs full; nothing corrupt, reads stay up", 0, _scenarios("disk")),
    "clocks": Kind("clocks jump, freeze, disagree; order and leases are right", 0, _scenarios("clocks")),
    "writers": Kind("8 processes saturate SQLite and PostgreSQL; no anomaly", 10_000, _writers),
    "postgres": Kind(
        "PostgreSQL stopped `immediate`; nothing committed is lost",
        60,
        _postgres,
        lambda _folder: stops.why_not(),
    ),
    "network": Kind("cut at a random byte; nothing lost, nothing doubled", 1_000, _network),
    "flips": Kind("one bit of one file flips; found and named, no wrong byte handed out", 1_000, _flips),
    "tamper": Kind(
        "history changed with every right on the database; found, or declared uncovered", 1_000, _tamper
    ),
    "tracks": Kind(
        "`ropeway server` killed while 8 clients log as MLflow's does; all of it is there once",
        200,
        _tracks("kills", campaigns.kill_server),
    ),
    "tracks-postgres": Kind(
        "its PostgreSQL stopped `immediate` meanwhile; likewise",
        20,
        _tracks("stops", campaigns.stop_postgres),
        lambda _folder: stops.why_not(),
    ),
    "tracks-network": Kind(
        "connections cut in the middle of bodies meanwhile; likewise",
        1_000,
        _tracks("cuts", campaigns.cut_network),
    ),
    "tracks-disk": Kind(
        "its disk runs full meanwhile; likewise, and what is read is answered",
        24,
        _tracks("times full", campaigns.fill_disk),
        disk.why_not,
    ),
    "bucket": Kind(
        "who uses an S3 bucket is killed or cut off; nothing lost, nothing seen by half, nothing left over",
        200,
        _bucket,
    ),
    "sync": Kind(
        "scripts, `ropeway sync` and the server killed, the client's disk full; every run is complete",
        500,
        _sync,
    ),
    "mutants": Kind("faults seeded into our own code; the tests notice", len(mutants.MUTANTS), _mutants),
}
