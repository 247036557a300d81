"""`ropeway log` and `ropeway fsck`: what happened, and whether everything is still what it was."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ropeway.cli.face import Face, face_options

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from ropeway.keeping.fsck import SoundnessReport
    from ropeway.keeping.mend import Mended
    from ropeway.remotes.remote import Remote
    from ropeway.workspace import OpenWorkspace
    from ropeway.workspace.operations import HistoryItem

SHOWN_VALUE_CELLS = 32
SHOWN_FIELDS = 4
SHOWN_NAMES = 8
DAMAGED_EXIT = 5
DIGEST_LENGTH = 64


@click.command()
@click.option(
    "-n",
    "--limit",
    type=click.IntRange(1),
    default=20,
    show_default=True,
    help="How many, counted from the newest.",
)
@click.option("--about", default="", help="Only subjects that begin so: 'model:sentiment', 'run:'.")
@click.option("--verb", default="", help="Only this event: 'model-promoted'.")
@click.option("-f", "--follow", is_flag=True, help="Go on with what happens, until interrupted.")
@face_options
def log(face: Face, limit: int, about: str, verb: str, follow: bool) -> None:  # noqa: FBT001  click passes by name
    """What happened in this project, newest last.

    `--json` prints one array; with `--follow`, which has no end, one event a line.
    """
    from ropeway.workspace.operations import follow_events, list_events

    if verb:
        _check_verb(verb)
    with face.workspace() as workspace:
        events = list_events(workspace, limit=limit, subject=about, verb=verb, newest=True)
        if not follow:
            face.emit(events, lambda out: _draw_log(out, events, filtered=bool(about or verb)))
            return
        for item in events:
            _draw_one(face, item)
        for item in follow_events(workspace, after=events[-1].seq if events else 0):
            if item.subject.startswith(about) and verb in ("", item.verb):
                _draw_one(face, item)


@click.command()
@click.option("--sample", help="Read only this share of the objects, another one each day: 5%.")
@click.option("--repair", is_flag=True, help="Bring again what is hurt; make tables of answers again.")
@click.option(
    "--from",
    "source",
    metavar="PLACE",
    help="For --repair: a remote, another project, its .ropeway, or a folder of backups "
    "(default: every remote).",
)
@face_options
def fsck(face: Face, sample: str | None, repair: bool, source: str | None) -> None:  # noqa: FBT001  click passes by name
    """Read every event, object and segment and hold it against its digest.

    Changes nothing without --repair. Exit codes: 0 sound, or mended whole · 5 something is damaged or
    missing · 4 there is no workspace · 6 it could not be read now.
    """
    from ropeway.keeping.mend import mend
    from ropeway.keeping.operations import fsck as check

    if source is not None and not repair:
        raise click.UsageError("--from goes with --repair.")
    if repair:
        face.require_here("fsck --repair")
    with face.workspace() as workspace:
        report = check(workspace, share=_share(sample))
        mended = None
        if repair and not report.is_sound:
            folder, remotes = _sources(face, workspace, source)
            mended = mend(workspace, report, folder, remotes=remotes)
    if mended is None:
        face.emit(report, lambda out: _draw_report(out, report))
    else:
        face.emit(mended, lambda out: _draw_mended(out, mended))
    if not (report if mended is None else mended.after).is_sound:
        raise SystemExit(DAMAGED_EXIT)


def _sources(
    face: Face, workspace: "OpenWorkspace", source: str | None
) -> "tuple[Path | None, list[Remote]]":
    """Where to take from what is hurt: a folder, or remotes. Of all, those count that can be reached."""
    from ropeway.core.errors import RopewayError
    from ropeway.remotes.remote import open_remote

    project = workspace.project
    if source is not None and source not in project.remote:
        return Path(source), []
    found = []
    for name in [source] if source is not None else sorted(project.remote):
        try:
            found.append(open_remote(project, workspace.root, workspace.store, name))
        except RopewayError as error:
            if source is not None:
                raise
            face.note(f"The remote '{name}' is left out: {error.what}")
    return None, found


def _share(text: str | None) -> float:
    """`5%` or `0.05` as a share."""
    from ropeway.keeping.errors import BadShare

    if text is None:
        return 1.0
    try:
        return float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError as error:
        raise BadShare(text) from error


def _check_verb(verb: str) -> None:
    from ropeway.core.errors import did_you_mean
    from ropeway.ledger.event import TYPES_BY_VERB
    from ropeway.workspace.rooms import load_projections

    load_projections()
    known = sorted({name for name, _ in TYPES_BY_VERB})
    if verb not in known:
        raise click.BadParameter(
            f"there is no event '{verb}'.{did_you_mean(verb, known)} One of {', '.join(known)}.",
            param_hint="--verb",
        )


def _draw_log(out: "Console", events: "list[HistoryItem]", *, filtered: bool) -> None:
    from ropeway.cli import draw

    if not events:
        out.print("nothing matches" if filtered else "nothing has happened yet")
        draw.next_step(out, "ropeway log" if filtered else "ropeway data add FILE --name NAME")
        return
    verbs = max(len(item.verb) for item in events)
    for item in events:
        _print_line(out, item, verbs)


def _print_line(out: "Console", item: "HistoryItem", verbs: int) -> None:
    """One event, one line: on a narrow terminal its details are cut."""
    line = _line(item, verbs)
    if out.is_terminal:
        line.truncate(out.width, overflow="ellipsis")
    out.print(line)


def _draw_one(face: Face, item: "HistoryItem") -> None:
    if face.as_json:
        import msgspec

        click.echo(msgspec.json.encode(item))
    else:
        _print_line(face.out, item, len(item.verb))


def _line(item: "HistoryItem", verbs: int) -> "Text":
    from rich.text import Text

    moment = item.at[:16].replace("T", " ")
    head = Text(f"{item.seq:>5}  {moment}  ", style="dim") + Text(item.verb.ljust(verbs), style="bold")
    return head + Text(f"  {shortened(item.subject)}  ") + Text(f"{item.by}  {_details(item)}", style="dim")


def _details(item: "HistoryItem") -> str:
    """The event's small fields; digests, and what the subject says already, are left out."""
    shown = []
    for name, value in item.body.items():
        if value is None or isinstance(value, dict | list) or _is_digest(value) or str(value) in item.subject:
            continue
        shown.append(f"{name}={_plain(value)}")
    return " ".join(shown[:SHOWN_FIELDS])


def _plain(value: Any) -> str:
    from ropeway.cli import draw

    return draw.clip(shortened(str(value)), SHOWN_VALUE_CELLS)


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and len(value) == DIGEST_LENGTH and set(value) <= set("0123456789abcdef")


def shortened(text: str) -> str:
    """A reference with its digest cut to what people read."""
    head, at, tail = text.rpartition("@" if "@" in text else ":")
    return head + at + tail[:10] if _is_digest(tail) else text


def _erased(report: "SoundnessReport") -> str | None:
    counts = {"objects": report.erased, "payloads": report.erased_payloads}
    said = [f"{count:,} {what}" for what, count in counts.items() if count]
    return f"{' and '.join(said)}, under a certificate" if said else None


def _draw_report(out: "Console", report: "SoundnessReport") -> None:
    from ropeway.cli import draw

    draw.facts(
        out,
        [
            ("events", report.events),
            ("objects", report.objects),
            ("read", f"{report.read:,} of them, {draw.size(report.size_bytes)}"),
            ("segments", report.segments),
            ("collected", f"{report.collected:,}, by policy" if report.collected else None),
            ("erased", _erased(report)),
            ("verdict", draw.badge("ok", "sound") if report.is_sound else draw.badge("broken", "not sound")),
        ],
    )
    for finding in report.findings:
        out.print(f"\n  {draw.badge('broken', finding.what).plain}")
        for name in finding.named_by[:SHOWN_NAMES]:
            out.print(f"      named by {shortened(name)}")
        if finding.concerns:
            out.print(f"      concerns {', '.join(map(shortened, finding.concerns[:SHOWN_NAMES]))}")
    if report.is_sound:
        return
    if any(finding.digest or finding.is_derived for finding in report.findings):
        draw.next_step(
            out,
            "ropeway fsck --repair --from PLACE",
            why="a remote, a copy or a backup; or bring the same file again: ropeway data add FILE",
        )
    else:
        draw.next_step(out, "ropeway restore BACKUPS --replace", why="the ledger has no other source")


def _draw_mended(out: "Console", mended: "Mended") -> None:
    from ropeway.cli import draw

    draw.facts(
        out,
        [
            ("brought", draw.count(len(mended.objects), "object")),
            ("not found", draw.count(len(mended.not_found), "object") if mended.not_found else None),
            ("tables", "made again from the events" if mended.rebuilt else None),
        ],
    )
    out.print()
    _draw_report(out, mended.after)
