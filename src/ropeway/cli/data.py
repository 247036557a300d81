"""`ropeway data`: bring data, list it, look at it, check it."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from ropeway.cli.data_bring import pull, restore
from ropeway.cli.data_looks import diff, profile
from ropeway.cli.face import Face, face_options

if TYPE_CHECKING:
    from rich.console import Console

    from ropeway.data.records import (
        Arrival,
        ColumnProfile,
        DatasetSummary,
        DatasetVersion,
        Profile,
        SplitRecord,
    )

REFUSED_EXIT = 3
BARS = " ▁▂▃▄▅▆▇█"
SHOWN_VIOLATIONS = 8


class Shown(msgspec.Struct, frozen=True):
    """What `data show` answers."""

    version: "DatasetVersion"
    profile: "Profile"
    split: "SplitRecord | None"


class ContractShown(msgspec.Struct, frozen=True):
    """What `data contract` answers."""

    dataset: str
    file: str
    restored: bool
    text: str


@click.group()
def data() -> None:
    """Add, list and check dataset versions."""


@data.command()
@click.argument("file")
@click.option("--name", help="The dataset's name (default: the file's).")
@click.option(
    "--source", help="Where the data is from, in words or as an address (default: the file's name)."
)
@click.option("--by", "bringer", help="Who brings it (default: you).")
@click.option("--key", multiple=True, help="A column that tells rows apart; repeat it for a key of several.")
@click.option("--new-contract", is_flag=True, help="Infer the contract anew, in place of the one there is.")
@click.option(
    "--refer", is_flag=True, help="Do not bring the bytes: note where they are, and by what they are known."
)
@click.option("--endpoint", metavar="URL", help="Of an S3 store that is not Amazon's, with --refer.")
@face_options
def add(
    face: Face,
    file: str,
    name: str | None,
    source: str | None,
    bringer: str | None,
    key: tuple[str, ...],
    new_contract: bool,  # noqa: FBT001  click passes by name
    refer: bool,  # noqa: FBT001
    endpoint: str | None,
) -> None:
    """Bring FILE (.csv, .tsv, .parquet or .jsonl) or a folder of files as a version of a dataset.

    At the first arrival a contract is inferred to contracts/NAME.toml, for you to review; later arrivals are
    held against it. A version that breaks it is kept and shown, but cannot train.

    With --refer FILE may be a path, an http(s) URL or s3://bucket/key[@etag], and its bytes stay there.
    """
    from ropeway.data.add import add as add_file
    from ropeway.data.refer import refer as refer_to

    with face.workspace() as workspace, face.progress(f"reading {Path(file).name}"), face.user_code():
        given: dict[str, Any] = {"name": name, "source": source, "bringer": bringer, "key": key}
        given["new_contract"] = new_contract
        if refer:
            arrival = refer_to(workspace, file, endpoint=endpoint, **given)
        else:
            arrival = add_file(workspace, file, **given)
        labels = [
            set_name
            for set_name, settings in workspace.project.labels.items()
            if settings.dataset == arrival.version.name
        ]
        trains = any(
            arrival.version.name == each.dataset.partition("@")[0]
            for each in workspace.project.inputs.values()
        )
    face.emit(arrival, lambda out: _draw_arrival(out, arrival, labels, trains=trains))


@data.command("list")
@face_options
def list_all(face: Face) -> None:
    """List the datasets, each with its latest version."""
    from ropeway.data.operations import list_datasets

    with face.workspace() as workspace:
        found = list_datasets(workspace)
    face.emit(found, lambda out: _draw_list(out, found))


@data.command()
@click.argument("ref")
@face_options
def check(face: Face, ref: str) -> None:
    """Hold a version against its contract file and the project's checks, as they now stand.

    REF is NAME, NAME@v2 or NAME@<digest>. Exits with 3 when the version may not train.
    """
    from ropeway.data.recheck import check_version

    with face.workspace() as workspace, face.progress(f"checking {ref}"), face.user_code():
        version = check_version(workspace, ref)
    face.emit(version, lambda out: _draw_check(out, version))
    if not version.is_trainable:
        raise SystemExit(REFUSED_EXIT)


@data.command()
@click.argument("ref")
@face_options
def show(face: Face, ref: str) -> None:
    """Show a version: where it came from, its columns at a glance, its parts.

    REF is NAME, NAME@v2 or NAME@<digest>.
    """
    from ropeway.data.operations import find_split, profile, resolve_version

    with face.workspace() as workspace:
        version = resolve_version(workspace, reference=ref)
        shown = Shown(
            version,
            profile(workspace, reference=version.reference),
            find_split(workspace, dataset=version.name, version=version.version),
        )
    face.emit(shown, lambda out: _draw_version(out, shown))


for looked in (diff, profile, restore, pull):
    data.add_command(looked)


@data.command()
@click.argument("name")
@face_options
def contract(face: Face, name: str) -> None:
    """Print a dataset's contract file; if it is gone, write it again as it was last on record."""
    from ropeway.data.recheck import contract_text
    from ropeway.data.standing import contract_name

    with face.workspace() as workspace:
        text, restored = contract_text(workspace, name)
    shown = ContractShown(name, contract_name(name), restored, text)
    if restored:
        face.note(f"{shown.file} was gone and is back, as last recorded")
    face.emit(shown, lambda out: out.print(text, end="", soft_wrap=True))


def _draw_arrival(out: "Console", arrival: "Arrival", labels: list[str], *, trains: bool) -> None:
    from ropeway.cli import draw

    version = arrival.version
    if not arrival.is_new:
        out.print(f"{version} is here already, since {draw.when(version.arrived_at)}.")
    else:
        out.print(
            f"{version}: {draw.count(version.rows, 'row')}, {draw.count(len(version.columns), 'column')}, "
            f"{draw.size(version.size_bytes)}"
        )
    if not version.is_kept:
        draw.facts(out, [("kept    ", draw.badge("warn", f"no: it refers to {version.source}"))])
    if arrival.contract_inferred:
        draw.facts(out, [("contract", f"inferred to {arrival.contract_file}: review it")])
    _draw_findings(out, version, arrival.contract_file)
    for remark in arrival.remarks:
        draw.facts(out, [("remark  ", draw.badge("warn", remark))])
    if not version.is_trainable:
        draw.next_step(out, f"ropeway data check {version.name}", why="when data or contract are mended")
    elif labels:
        draw.next_step(out, f"ropeway labels import {labels[0]}")
    elif trains:
        draw.next_step(out, f"ropeway data show {version.name}", "ropeway run")
    else:
        draw.next_step(out, f"ropeway data show {version.name}", why="no input in ropeway.toml uses it yet")


def _draw_list(out: "Console", found: "list[DatasetSummary]") -> None:
    from ropeway.cli import draw

    if not found:
        out.print("No data yet.")
        draw.next_step(out, "ropeway data add FILE --name NAME")
        return
    columns: list[draw.Column | str] = [
        "dataset",
        draw.Column("versions", right=True),
        draw.Column("rows", right=True),
        draw.Column("columns", right=True, rank=3),
        "trains",
        draw.Column("arrived", rank=1),
        draw.Column("by", rank=2),
        draw.Column("source", grow=True, rank=4),
    ]
    draw.table(
        out,
        columns,
        [
            (
                each.latest.name,
                each.versions,
                each.latest.rows,
                len(each.latest.columns),
                _verdict(each.latest),
                each.latest.arrived_at,
                each.latest.by or "erased",
                each.latest.source or "erased",
            )
            for each in found
        ],
    )


def _draw_check(out: "Console", version: "DatasetVersion") -> None:
    from ropeway.cli import draw
    from ropeway.data.standing import contract_name

    out.print(f"{version}: {draw.count(version.rows, 'row')}")
    _draw_findings(out, version, contract_name(version.name))


def _draw_version(out: "Console", shown: Shown) -> None:
    from ropeway.cli import draw
    from ropeway.data.standing import contract_name

    version, split = shown.version, shown.split
    out.print(f"{version.name}, version {version.ordinal}")
    parts = ", ".join(f"{part} {count:,}" for part, count in split.parts.items()) if split else None
    draw.facts(
        out,
        [
            ("digest", version.version),
            ("rows", f"{version.rows:,}"),
            ("format", f"{version.format}, {draw.size(version.size_bytes)}"),
            ("kept", None if version.is_kept else draw.badge("warn", "referred, not kept")),
            ("arrived", f"{draw.when(version.arrived_at)} by {version.by or 'erased'}"),
            ("brought by", version.bringer or "erased"),
            ("source", version.source or "erased"),
            ("labels", ", ".join(version.label_columns) or None),
            ("parts", parts),
        ],
    )
    _draw_findings(out, version, contract_name(version.name))
    out.print()
    columns: list[draw.Column | str] = [
        "column",
        "kind",
        draw.Column("missing", right=True),
        draw.Column("distinct", right=True, rank=2),
        draw.Column("min", right=True, rank=1),
        draw.Column("mean", right=True, rank=3),
        draw.Column("max", right=True, rank=1),
        draw.Column("spread", rank=4),
        draw.Column("of", grow=True, rank=5),
    ]
    draw.table(out, columns, [_profile_row(column) for column in shown.profile.columns])
    _draw_top_values(out, shown.profile)


def _profile_row(column: "ColumnProfile") -> tuple[str | int | None, ...]:
    of = f"{column.of}, {column.lengths} a row" if column.lengths else column.of
    return (
        column.name,
        column.kind,
        column.nulls or None,
        column.distinct,
        _figure(column.min),
        _figure(column.mean),
        _figure(column.max),
        bars(column.bins),
        of,
    )


def _draw_top_values(out: "Console", profile: "Profile") -> None:
    from ropeway.cli import draw

    with_top = [column for column in profile.columns if column.top]
    for column in with_top:
        draw.heading(out, f"{column.name}: most frequent")
        most = column.top[0].count
        draw.table(
            out,
            ["value", draw.Column("rows", right=True), ""],
            [
                (draw.clip(top.value, 48), top.count, draw.meter(top.count / most, cells=16))
                for top in column.top
            ],
        )


def _draw_findings(out: "Console", version: "DatasetVersion", file: str) -> None:
    """The contract's violations and what the checks found."""
    from rich.text import Text

    from ropeway.cli import draw

    if version.contract_edited:
        draw.facts(out, [("contract", draw.badge("warn", f"edited since the check: cannot train ({file})"))])
    elif version.contract_ok:
        draw.facts(out, [("contract", draw.badge("ok", "kept"))])
    else:
        places = draw.count(version.broken, "place")
        draw.facts(out, [("contract", draw.badge("broken", f"broken in {places}: cannot train ({file})"))])
        for violation in version.violations[:SHOWN_VIOLATIONS]:
            out.print(Text(f"    {violation.sentence}"))
        if version.broken > SHOWN_VIOLATIONS:
            out.print(Text(f"    and {version.broken - SHOWN_VIOLATIONS:,} more", style="dim"))
    for found in version.checks:
        if found.passed:
            draw.facts(out, [("check   ", draw.badge("ok", found.name))])
            continue
        state = "warn" if found.severity == "warn" else "error"
        draw.facts(
            out, [("check   ", draw.badge(state, f"{found.name}: {draw.count(found.offending, 'row')}"))]
        )
        examples = f" Such as {', '.join(found.examples)}." if found.examples else ""
        out.print(Text(f"    {found.about}{examples}".rstrip(), style="dim"))


def _verdict(version: "DatasetVersion") -> str:
    if version.contract_edited:
        return "no: contract edited"
    if not version.contract_ok:
        return "no: contract"
    return "no: check" if version.failed_checks else "yes"


def bars(bins: list[int]) -> str:
    """Counts as a row of small bars; a count over 0 is never invisible.

    Example:
        >>> bars([0, 1, 4, 8])
        ' ▁▄█'
    """
    most = max(bins, default=0)
    steps = len(BARS) - 1
    return "".join(BARS[max(1, round(count / most * steps)) if count else 0] for count in bins)


def _figure(value: float | None) -> str | None:
    """A number short enough for a table."""
    if value is None:
        return None
    return f"{value:,.0f}" if float(value).is_integer() and abs(value) < 1e9 else f"{value:,.4g}"
