"""`ropeway runs` where the answer is no list of runs: groups, the Pareto front, a Parquet file."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ropeway.cli.face import Face

if TYPE_CHECKING:
    from rich.console import Console

    from ropeway.tracking.groups import ParetoRun, RunGroup

SHOWN_METRICS = 4


def is_asked(run: str | None, csv_path: str | None, *forms: str | None) -> bool:
    """Whether the answer is one of these forms, which go with no other."""
    asked = sum(form is not None for form in forms)
    if asked and asked + (run is not None) + (csv_path is not None) > 1:
        raise click.UsageError(
            "--parquet, --group-by, --pareto, --csv and RUN are forms of one answer: name one.",
            click.get_current_context(),
        )
    return bool(asked)


def show(
    face: Face,
    *,
    where: str,
    sort: Sequence[str],
    limit: int | None,
    parquet_path: str | None,
    group: str | None,
    pareto: str | None,
) -> None:
    """Give the answer in the one form that is asked for."""
    from ropeway.tracking.frame import FRAME_LIMIT, runs_frame
    from ropeway.tracking.groups import group_runs, pareto_runs
    from ropeway.tracking.recover import recover_runs

    with face.workspace() as workspace:
        recover_runs(workspace)
        if group is not None:
            groups = group_runs(workspace, by=[group], where=where)[:limit]
            face.emit(groups, lambda out: _render_groups(out, groups))
        elif pareto is not None:
            front = pareto_runs(workspace, by=[pareto], where=where)[:limit]
            face.emit(front, lambda out: _render_front(out, front))
        elif parquet_path is not None:
            frame = runs_frame(workspace, where=where, sort=sort, limit=limit or FRAME_LIMIT)
            try:
                frame.write_parquet(Path(parquet_path))
            except OSError as error:
                raise click.FileError(parquet_path, error.strerror or "cannot be written") from error
            face.note(f"{frame.height:,} runs in {parquet_path}")


def _render_groups(out: "Console", groups: "list[RunGroup]") -> None:
    from ropeway.cli import draw
    from ropeway.cli.runs import figure

    if not groups:
        out.print("No run is let through.")
        return
    metrics = list(dict.fromkeys(key for each in groups for key in each.metrics))[:SHOWN_METRICS]
    columns = [draw.Column(name) for name in groups[0].values]
    columns += [draw.Column("runs", right=True)]
    columns += [draw.Column(f"{key}, mean (least to most)", right=True) for key in metrics]
    rows = [
        [
            *(None if value is None else str(value) for value in each.values.values()),
            f"{each.runs:,}",
            *(_spread(each, key, figure) for key in metrics),
        ]
        for each in groups
    ]
    draw.table(out, columns, rows)


def _spread(group: "RunGroup", key: str, figure: "Callable[[float | None], str | None]") -> str | None:
    found = group.metrics.get(key)
    if found is None or not found.count:
        return None
    return f"{figure(found.mean) or '·'} ({figure(found.min) or '·'} to {figure(found.max) or '·'})"


def _render_front(out: "Console", front: "list[ParetoRun]") -> None:
    from ropeway.cli import draw
    from ropeway.cli.runs import figure

    if not front:
        out.print("No run has a number in each of these.")
        return
    columns = [draw.Column("run"), draw.Column("name", grow=True)]
    columns += [draw.Column(name, right=True) for name in front[0].values]
    draw.table(out, columns, [[each.run, each.name, *map(figure, each.values.values())] for each in front])
