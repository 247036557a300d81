"""`ropeway gc`, `hold`, `backup`, `restore` and `doctor`: what keeps a workspace whole."""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ropeway.cli.face import Face, face_options

if TYPE_CHECKING:
    from rich.console import Console

    from ropeway.keeping.collect import Collection
    from ropeway.keeping.doctor import Diagnosis
    from ropeway.keeping.events import Share
    from ropeway.keeping.holds import Hold
    from ropeway.keeping.manifest import BackupReport
    from ropeway.keeping.restore import Restoration

INCOMPLETE_EXIT = 3
FAILED_EXIT = 1
DEFAULT_COMMAND = "make"


@click.command()
@click.option("--dry-run", is_flag=True, help="Only say what would go, and why.")
@click.option(
    "--grace", default="24h", show_default=True, help="Younger objects stay: their event may be on its way."
)
@face_options
def gc(face: Face, dry_run: bool, grace: str) -> None:  # noqa: FBT001  click passes by name
    """Remove the objects that nothing keeps.

    What an event refers to is kept, unless `[retention]` gives it up; what is live, approved or held, and all
    that it came from, is kept whatever `[retention]` says.
    """
    from ropeway.keeping.operations import gc as collect

    with face.workspace() as workspace:
        found = collect(workspace, grace=grace, dry_run=dry_run)
    face.emit(found, lambda out: _draw_collection(out, found))


@click.group()
def hold() -> None:
    """Keep a thing and all that it came from, whatever `[retention]` says."""


@hold.command("add")
@click.argument("subject")
@click.option("--reason", required=True, help="Why, for those who read it later.")
@face_options
def hold_add(face: Face, subject: str, reason: str) -> None:
    """Hold SUBJECT: `mood@2`, `dataset:rows@v1`, a run, or any subject that the log shows."""
    from ropeway.keeping.operations import place_hold

    with face.workspace() as workspace:
        placed = place_hold(workspace, subject=subject, reason=reason)
    face.emit(placed, lambda out: _draw_holds(out, [placed]))


@hold.command("list")
@click.option("--all", "released", is_flag=True, help="Those that are over, too.")
@face_options
def hold_list(face: Face, released: bool) -> None:  # noqa: FBT001  click passes by name
    """The holds, oldest first."""
    from ropeway.keeping.operations import list_holds

    with face.workspace() as workspace:
        found = list_holds(workspace, released=released)
    face.emit(found, lambda out: _draw_holds(out, found))


@hold.command("release")
@click.argument("hold_")
@click.option("--reason", default="", help="Why.")
@face_options
def hold_release(face: Face, hold_: str, reason: str) -> None:
    """End a hold, by its id or by what it holds."""
    from ropeway.keeping.operations import release_hold

    with face.workspace() as workspace:
        ended = release_hold(workspace, hold=hold_, reason=reason)
    face.emit(ended, lambda out: _draw_holds(out, ended))


class _Backups(click.Group):
    """`ropeway backup FOLDER` means `ropeway backup make FOLDER`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put in the word that may be left out."""
        words = [word for word in args if not word.startswith("-")]
        if words and words[0] not in self.commands:
            args = [DEFAULT_COMMAND, *args]
        return super().parse_args(ctx, args)


@click.group(cls=_Backups)
def backup() -> None:
    """Copy the whole workspace elsewhere while it is written to; `make` may be left out.

    What has not changed since the last backup in that folder is not copied again.
    """


@backup.command(DEFAULT_COMMAND)
@click.argument("to", type=click.Path(path_type=Path, file_okay=False))
@face_options
def backup_make(face: Face, to: Path) -> None:
    """Make a backup in the folder TO, and read back what was written.

    Exit code 3: it was made, but objects that events need were missing or damaged already.
    """
    from ropeway.keeping.backup import back_up

    with face.local_workspace("backup") as workspace, face.progress("copying"):
        made = back_up(workspace, to)
    face.emit(made, lambda out: _draw_backups(out, [made], copied=True))
    if made.missing:
        raise SystemExit(INCOMPLETE_EXIT)


@backup.command("list")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@face_options
def backup_list(face: Face, folder: Path) -> None:
    """The backups in FOLDER, oldest first."""
    from ropeway.keeping.manifest import list_backups

    found = list_backups(folder)
    face.emit(found, lambda out: _draw_backups(out, found))


@backup.command("verify")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--backup", "name", default="latest", show_default=True, help="Which.")
@face_options
def backup_verify(face: Face, folder: Path, name: str) -> None:
    """Read every byte of a backup and hold it against its digest."""
    from ropeway.keeping.backup import verify_backup

    found = verify_backup(folder, name)
    face.emit(found, lambda out: _draw_backups(out, [found], verified=True))


@click.command()
@click.argument("source", metavar="FROM", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--to", type=click.Path(path_type=Path, file_okay=False), help="The project's folder (default: here)."
)
@click.option("--backup", "name", default="latest", show_default=True, help="Which of those in FROM.")
@click.option(
    "--replace", is_flag=True, help="Take the place of the workspace that is there; it is set aside."
)
@click.option(
    "--ledger",
    default="",
    help="Where the history goes: sqlite, or postgresql://HOST/DATABASE?schema=NAME, which must be empty. "
    "By default as the project that is there has it, else sqlite.",
)
@face_options
def restore(face: Face, source: Path, to: Path | None, name: str, replace: bool, ledger: str) -> None:  # noqa: FBT001  click passes by name
    """Make the workspace again from a backup in the folder FROM.

    It is built beside its place, verified, and put there in one step; the event `restored` says so.
    """
    from ropeway.keeping.restore import restore as make_again
    from ropeway.workspace.local import usual_actor

    root = to or face.project or Path.cwd()
    actor = face.acting_as or usual_actor()
    made = make_again(source, root, name=name, actor=actor, replace=replace, ledger=ledger)
    face.emit(made, lambda out: _draw_restoration(out, made))


@click.command()
@face_options
def doctor(face: Face) -> None:
    """What could go wrong here, and what to do about it. Changes nothing.

    Exit code 1 where something is or will be lost; warnings alone give 0.
    """
    from ropeway.keeping.operations import doctor as examine

    with face.workspace() as workspace:
        found = examine(workspace)
    face.emit(found, lambda out: _draw_diagnosis(out, found))
    if found.verdict == "fail":
        raise SystemExit(FAILED_EXIT)


def _draw_collection(out: "Console", found: "Collection") -> None:
    from ropeway.cli import draw
    from ropeway.core.duration import duration_text

    for title, shares in (("kept", found.kept), ("dead", found.dead)):
        if shares:
            draw.heading(out, title)
            _draw_shares(out, shares)
    out.print()
    if not found.dead:
        out.print(draw.badge("ok", "nothing is dead"))
    elif found.dry_run:
        size, count = sum(s.size_bytes for s in found.dead), sum(s.objects for s in found.dead)
        out.print(f"{draw.count(count, 'object')} would go, {draw.size(size)}; nothing was changed")
        draw.next_step(out, "ropeway gc")
    else:
        out.print(f"{draw.count(found.removed, 'object')} removed, {draw.size(found.freed_bytes)} freed")
    if found.marked:
        out.print(f"{draw.count(found.marked, 'object')} marked in the bucket, to go if dead still")
        draw.next_step(out, "ropeway gc", why=f"after {duration_text(timedelta(seconds=found.grace_s))}")


def _draw_shares(out: "Console", shares: "list[Share]") -> None:
    from ropeway.cli import draw

    draw.table(
        out,
        ["why", draw.Column("objects", right=True), draw.Column("size", right=True)],
        [(share.reason, share.objects, draw.size(share.size_bytes)) for share in shares],
    )


def _draw_holds(out: "Console", holds: "list[Hold]") -> None:
    from ropeway.cli import draw
    from ropeway.cli.ledger import shortened

    if not holds:
        out.print("nothing is held")
        draw.next_step(out, "ropeway hold add MODEL@NUMBER --reason WHY")
        return
    draw.table(
        out,
        [
            "hold",
            "holds",
            draw.Column("with", right=True),
            "since",
            "by",
            "until",
            draw.Column("reason", grow=True),
        ],
        [
            (
                each.id,
                shortened(each.held),
                f"{each.covers - 1} more",
                each.placed_at,
                each.placed_by,
                each.released_at,
                each.reason,
            )
            for each in holds
        ],
    )


def _draw_backups(
    out: "Console", backups: "list[BackupReport]", *, copied: bool = False, verified: bool = False
) -> None:
    from ropeway.cli import draw

    for each in backups if copied or verified else ():
        said = draw.badge("ok", "read back, sound") if not each.missing else draw.badge("warn", "incomplete")
        draw.facts(
            out,
            [
                ("backup", each.backup),
                ("of", f"{each.project}, up to event {each.last_seq:,}"),
                ("objects", f"{each.count:,}, {draw.size(each.size_bytes)}"),
                ("new", draw.size(each.copied_bytes) if copied else None),
                ("missing", draw.count(len(each.missing), "object") if each.missing else None),
                ("verdict", said),
            ],
        )
    if copied or verified:
        draw.next_step(
            out, f"ropeway restore {backups[-1].place} --to FOLDER", why="makes it a workspace again"
        )
        return
    figures = [draw.Column(title, right=True) for title in ("events", "objects", "size")]
    draw.table(
        out,
        ["backup", "made", "by", *figures],
        [
            (each.backup, each.made_at, each.made_by, each.last_seq, each.count, draw.size(each.size_bytes))
            for each in backups
        ],
    )


def _draw_restoration(out: "Console", made: "Restoration") -> None:
    from ropeway.cli import draw

    draw.facts(
        out,
        [
            ("restored", made.backup),
            ("from", draw.when(made.made_at)),
            ("events", f"{made.last_seq:,}, and one that says `restored`"),
            ("objects", f"{made.objects:,}, {draw.size(made.size_bytes)}"),
            ("missing", draw.count(made.missing, "object") + " even then" if made.missing else None),
            ("files", ", ".join(made.files) or None),
            ("set aside", made.set_aside or None),
            ("ledger", made.ledger),
            ("verdict", draw.badge("ok", "sound and in place")),
        ],
    )
    if made.store:
        draw.next_step(out, f"cd {made.folder}", "ropeway store move", why=f"the store is {made.store}")
    if made.must_say:
        why = "the project file there names another place"
        draw.next_step(out, f'in ropeway.toml, under [workspace]: ledger = "{made.ledger}"', why=why)
        return
    draw.next_step(out, f"cd {made.folder}", "ropeway status")


def _draw_diagnosis(out: "Console", found: "Diagnosis") -> None:
    from rich.text import Text

    from ropeway.cli import draw
    from ropeway.keeping.doctor.signs import PARTS

    words = {"ok": "ok", "warn": "warn", "fail": "failed"}
    width = max(len(sign.name) for sign in found.signs) + 2
    for part in PARTS:
        signs = [sign for sign in found.signs if sign.part == part]
        if signs:
            draw.heading(out, part)
        for sign in signs:
            badge = draw.badge(words[sign.verdict], sign.verdict)
            name = Text(sign.name.ljust(width), style="dim")
            line = Text("  ") + badge + Text(" " * (6 - len(sign.verdict))) + name
            out.print(line + Text(sign.says))
            if sign.next_step:
                next_one = Text(" " * (10 + width)) + Text("→ ", style="dim")
                out.print(next_one + Text(sign.next_step, style="bold"))
    out.print()
    bad = {verdict: sum(sign.verdict == verdict for sign in found.signs) for verdict in words}
    if found.verdict == "ok":
        out.print(draw.badge("ok", f"all is well: {len(found.signs)} things were looked at"))
    else:
        told = [f"{bad['fail']} must be mended"] if bad["fail"] else []
        told += [f"{bad['warn']} may matter one day"] if bad["warn"] else []
        out.print(draw.badge(words[found.verdict], f"{', '.join(told)}; {bad['ok']} are well"))
