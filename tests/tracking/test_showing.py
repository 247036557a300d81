"""Figures, tables, images, texts and structures of a run: kept in the form of their name, and read back."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from ropeway.tracking.errors import SettingInvalid
from ropeway.tracking.resolve import resolve_run
from ropeway.tracking.run import Run
from ropeway.tracking.start import start_run
from ropeway.workspace import LocalWorkspace


class Drawn:
    """Writes itself as a figure of matplotlib does."""

    def savefig(self, target: io.BytesIO, *, format: str, bbox_inches: str) -> None:  # noqa: A002
        target.write(f"{format} {bbox_inches}".encode())


class Plotted:
    """Writes itself as a figure of plotly does."""

    def to_json(self) -> str:
        return '{"data": []}'

    def to_image(self, format: str) -> bytes:  # noqa: A002
        return format.encode()


@pytest.fixture
def run(workspace: LocalWorkspace) -> Run:
    return start_run(workspace)


def kept(workspace: LocalWorkspace, run: Run) -> dict[str, bytes]:
    run.finish()
    files = resolve_run(workspace, run.id).artifacts
    return {name: workspace.store.read(each.digest) for name, each in files.items()}


def pixels(data: bytes) -> tuple[int, int, int, bytes]:
    """Width, height, colour type and raw rows of a PNG, its checksums held."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, chunks = 8, {}
    while at < len(data):
        (size,) = struct.unpack_from(">I", data, at)
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        assert struct.unpack_from(">I", data, at + 8 + size)[0] == zlib.crc32(kind + body)
        chunks[kind], at = body, at + 12 + size
    width, height, _, colour = struct.unpack_from(">IIBB", chunks[b"IHDR"])
    return width, height, colour, zlib.decompress(chunks[b"IDAT"])


def test_figures_write_themselves_in_the_form_of_their_name(workspace: LocalWorkspace, run: Run):
    run.figure("loss", Drawn())
    run.figure("plots/loss.svg", Drawn())
    run.figure("curve", Plotted())
    run.figure("curve.png", Plotted())
    assert kept(workspace, run) == {
        "loss.png": b"png tight",
        "plots/loss.svg": b"svg tight",
        "curve.json": b'{"data": []}',
        "curve.png": b"png",
    }


def test_tables_of_any_kind_become_the_same_columns(workspace: LocalWorkspace, run: Run):
    rows = [{"x": 1, "word": "a"}, {"x": 2, "word": None}]
    frame = pl.DataFrame(rows)
    run.table("rows", rows)
    run.table("columns", {"x": [1, 2], "word": ["a", None]})
    run.table("polars", frame)
    run.table("pandas", pd.DataFrame({"x": [1, 2], "word": ["a", None]}, dtype=object))
    run.table("text.csv", rows)
    files = kept(workspace, run)
    assert files.pop("text.csv") == b"x,word\n1,a\n2,\n"
    assert len(files) == 4
    for data in files.values():
        assert pl.read_parquet(io.BytesIO(data)).equals(frame)


def test_an_array_becomes_a_png_of_its_pixels(workspace: LocalWorkspace, run: Run):
    run.image("grey", np.array([[0, 128], [255, 1]], dtype=np.uint8))
    run.image("channels first", np.ones((3, 1, 5)) * [[[1.0]], [[0.5]], [[-3.0]]])
    run.image("colour", np.ones((1, 2, 3)) * [1.0, 0.5, -3.0])
    files = kept(workspace, run)
    assert pixels(files["grey.png"]) == (2, 2, 0, b"\0\x00\x80\0\xff\x01")
    for name, width in {"colour.png": 2, "channels first.png": 5}.items():
        assert pixels(files[name]) == (width, 1, 2, b"\0" + b"\xff\x80\x00" * width)


def test_texts_structures_and_files_keep_what_they_are(workspace: LocalWorkspace, run: Run, tmp_path: Path):
    (tmp_path / "cat.jpg").write_bytes(b"\xff\xd8")
    run.text("notes", "söndag")
    run.json("config", {"name": "ä"})
    run.image("cat", tmp_path / "cat.jpg")
    assert kept(workspace, run) == {
        "notes.txt": "söndag".encode(),
        "config.json": '{\n  "name": "ä"\n}'.encode(),
        "cat.jpg": b"\xff\xd8",
    }


def test_a_frame_of_pandas_keeps_its_index_its_moments_and_what_is_missing(
    workspace: LocalWorkspace, run: Run
):
    moments = pd.to_datetime(["2020-01-01", None])
    frame = pd.DataFrame({"at": moments, "n": pd.array([1, None], dtype="Int64")}, index=["a", "b"])
    run.table("frame", frame)
    run.table("mixed", pd.DataFrame({"x": [1, moments[0], None]}))
    frames = {name: pl.read_parquet(io.BytesIO(data)) for name, data in kept(workspace, run).items()}
    assert frames["frame.parquet"].to_dict(as_series=False) == {
        "index": ["a", "b"], "at": [moments[0].to_pydatetime(), None], "n": [1, None],
    }  # fmt: skip
    assert frames["mixed.parquet"]["x"].to_list() == ["1", "2020-01-01 00:00:00", None]


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        ("figure", "x.exe", Drawn()),
        ("figure", "x.png", "no figure"),
        ("table", "x", 3),
        ("table", "x.pkl", []),
        ("image", "x", np.zeros((2, 2, 7))),
        ("image", "x.jpg", np.zeros((2, 2))),
        ("image", "x", [["a"]]),
        ("text", "x", b"bytes"),
        ("json", "x", {"f": lambda: 1}),
        ("text", "../x", "up"),
    ],
)
def test_what_cannot_be_shown_is_refused_and_the_run_goes_on(run: Run, kind: str, name: str, value: object):
    with pytest.raises(SettingInvalid, match="was not recorded"):
        getattr(run, kind)(name, value)
    run.log(loss=1.0)
    run.finish()
