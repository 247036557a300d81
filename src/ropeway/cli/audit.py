"""`ropeway audit`: was history changed, and proofs of it for people outside."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ropeway.cli.face import Face, face_options

if TYPE_CHECKING:
    from rich.console import Console

    from ropeway.keeping.audit.records import AuditReport, LedgerKey

DAMAGED_EXIT = 5


@click.group()
def audit() -> None:
    """Was history changed? Check it, prove it, export it; its key."""


@audit.command()
@click.option("--key", "keys", multiple=True, metavar="KEY", help="Go by this verifier key; repeatable.")
@click.option(
    "--heads",
    "files",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A file of heads kept elsewhere, or one note; repeatable.",
)
@face_options
def verify(face: Face, keys: tuple[str, ...], files: tuple[Path, ...]) -> None:
    """Check every event against its commitments, the tree, the signed heads and a replay. Changes nothing."""
    from ropeway.keeping.audit.operations import verify_history

    heads = [note for path in files for note in _notes_in(path)]
    with face.workspace() as workspace, face.progress("checking history"):
        report = verify_history(workspace, keys=list(keys), heads=heads)
    face.emit(report, lambda out: _draw_report(out, report))
    if not report.is_sound:
        raise SystemExit(DAMAGED_EXIT)


@audit.command()
@click.argument("seq", type=click.IntRange(1))
@click.option(
    "--size", type=click.IntRange(1), help="Under the head over so many events (default: the newest)."
)
@face_options
def prove(face: Face, seq: int, size: int | None) -> None:
    """Prove that event SEQ stands in the ledger; `--json` gives the proof to hand on."""
    from ropeway.keeping.audit.operations import prove as prove_event

    with face.workspace() as workspace:
        proof = prove_event(workspace, seq=seq, size=size)
    signed = "signed" if proof.checkpoint else "not signed yet"
    rows = [
        ("event", f"{proof.seq} of {proof.ledger}"),
        ("head", f"{proof.size} events, root {proof.root} ({signed})"),
        ("path", "\n".join(proof.path) or "(the event is the root)"),
    ]
    face.emit(proof, lambda out: _draw_facts(out, rows))


@audit.command()
@click.argument("first", type=click.IntRange(1))
@click.argument("second", type=click.IntRange(1))
@face_options
def consistency(face: Face, first: int, second: int) -> None:
    """Prove that between FIRST and SECOND events the ledger only grew."""
    from ropeway.keeping.audit.operations import prove_consistency

    with face.workspace() as workspace:
        proof = prove_consistency(workspace, first=first, second=second)
    rows = [
        ("from", f"{proof.first} events, root {proof.first_root}"),
        ("to", f"{proof.second} events, root {proof.second_root}"),
        ("path", "\n".join(proof.path) or "(none is needed)"),
    ]
    face.emit(proof, lambda out: _draw_facts(out, rows))


@audit.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--payloads", is_flag=True, help="With erasable values such as names; else only what commits to them."
)
@face_options
def export(face: Face, file: Path, payloads: bool) -> None:  # noqa: FBT001  click passes by name
    """Write the ledger to FILE, and its public key to FILE.pub, for a check without Ropeway."""
    import msgspec

    from ropeway.keeping.audit.operations import export as export_lines
    from ropeway.keeping.audit.operations import show_key

    partial = file.with_name(f".{file.name}.partial")
    with face.workspace() as workspace, face.progress("exporting"):
        key = show_key(workspace)
        try:
            with partial.open("wb") as written:
                for line in export_lines(workspace, payloads=payloads):
                    written.write(msgspec.json.encode(line) + b"\n")
                written.flush()
                os.fsync(written.fileno())
            partial.replace(file)
        finally:
            partial.unlink(missing_ok=True)
    public = file.with_name(file.name + ".pub")
    if key.verifier is not None:
        public.write_text("\n".join([*key.replaced, key.verifier]) + "\n", encoding="utf-8")
    rows = [("ledger", key.ledger), ("file", str(file)), ("key", str(public) if key.verifier else "none yet")]
    face.emit(dict(rows), lambda out: _draw_export(out, rows, file, public))


@audit.command()
@click.option(
    "--replace", "reason", metavar="REASON", help="Make a new key here and have it sign from now on."
)
@click.option("--trust", metavar="KEY", help="Trust this verifier key of the ledger on this machine.")
@face_options
def key(face: Face, reason: str | None, trust: str | None) -> None:
    """Show the key that signs this ledger's heads: keep it where the workspace's owner does not write."""
    from ropeway.keeping.audit.operations import put_new_key, show_key

    with face.workspace() as workspace:
        shown = show_key(workspace)
        if trust is not None:
            _trust(shown.ledger, trust)
        if reason is not None:
            shown = put_new_key(workspace, reason=reason)
    face.emit(shown, lambda out: _draw_key(out, shown))


def _trust(ledger: str, text: str) -> None:
    from ropeway.core.note import KeyInvalid, parse_verifier
    from ropeway.workspace.keyring import Keyring
    from ropeway.workspace.user_folder import user_folder

    verifier = parse_verifier(text)
    if verifier.name != ledger:
        raise KeyInvalid(f"it is of '{verifier.name}', and this ledger is '{ledger}'")
    Keyring(user_folder(), ledger).trust(verifier)


def _notes_in(path: Path) -> list[str]:
    """The notes of a file of heads, or the one note that the file is."""
    from ropeway.workspace.heads import HeadsFile

    lines, _ = HeadsFile(path).read()
    return [line.note for line in lines] or [path.read_text(encoding="utf-8", errors="replace")]


def _draw_report(out: "Console", report: "AuditReport") -> None:
    from ropeway.cli import draw

    uncovered = (
        "none" if not report.uncovered else f"the last {report.uncovered}: nothing outside vouches for them"
    )
    rows: list[tuple[str, Any]] = [
        ("ledger", report.ledger),
        ("events", report.events),
        ("checkpoints", f"{report.checkpoints}, and {report.outside} heads from outside"),
        ("uncovered", uncovered),
        ("verdict", draw.badge("ok", "as written") if report.is_sound else draw.badge("broken", "changed")),
    ]
    if report.erased:
        rows.insert(2, ("erased", f"{report.erased} payloads, with their erasure on record"))
    draw.facts(out, rows)
    for finding in report.findings:
        out.print(f"\n  {draw.badge('broken', finding.sentence).plain}")
    for note in report.notes:
        out.print(f"\n  {note}")
    if not report.is_sound:
        draw.next_step(
            out, "keep .ropeway as it is for those who look into it; go on from a backup that is as written"
        )


def _draw_facts(out: "Console", rows: list[tuple[str, Any]]) -> None:
    from ropeway.cli import draw

    draw.facts(out, rows)


def _draw_export(out: "Console", rows: list[tuple[str, Any]], file: Path, public: Path) -> None:
    from ropeway.cli import draw

    draw.facts(out, rows)
    draw.next_step(out, f"python -m ropeway.offline {file} {public}")


def _draw_key(out: "Console", shown: "LedgerKey") -> None:
    from ropeway.cli import draw

    rows: list[tuple[str, Any]] = [
        ("ledger", shown.ledger),
        ("key", shown.verifier or "none yet: it is made when the first head is signed"),
        ("private half", shown.folder if shown.is_here else "not on this machine"),
    ]
    rows += [("replaced", each) for each in shown.replaced]
    draw.facts(out, rows)
