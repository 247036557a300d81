"""C9: Parquet that is small and unpacks to terabytes, or lies, ends a job with an error, and nothing else."""

import io
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from tests.attacks.load import GROWTH, Process
from tests.attacks.parquets import hostile, repeated, text
from tests.attacks.town import OCTETS

from ropeway.data import apart
from ropeway.data.apart import Apart, pieces_apart
from ropeway.data.file_errors import FileUnreadable, UnpacksTooFar
from ropeway.data.parquet import parquet_pieces

HOSTILE = dict(hostile())
SIMPLE = ("a terabyte of texts", "columns 10^5 deep")
"""What ended the server itself, or kept it busy for days."""


class Desk:
    """A member who brings versions to a server, and asks for jobs about them."""

    def __init__(self, folder: Path) -> None:
        self.process = Process.server(folder)
        said = {"authorization": str(self.process.said["authorization"])}
        self.client = httpx.Client(base_url=self.process.url, headers=said, timeout=60)

    def bring(self, name: str, data: bytes, rows: int) -> None:
        """Put a version on record, as who says what is not so."""
        kept = [
            self.client.put("/api/v1/objects", content=each, headers=OCTETS).json()["digest"]
            for each in (data, b"{}")
        ]
        found = {"name": name, "version": kept[0], "format": "parquet", "rows": rows, "size_bytes": len(data)}
        more = {"columns": {"a": "string"}, "contract": kept[1], "profile": kept[1]}
        reply = self.client.post("/api/v1/data.arrive", json={"found": {**found, **more}})
        assert reply.status_code == 200, reply.text

    def outcome(self, operation: str, **arguments: object) -> dict:
        """What became of a job."""
        job = self.client.post(f"/api/v1/{operation}", json=arguments).json()["job"]
        deadline = time.monotonic() + 300
        while (told := self.client.get(f"/api/v1/jobs/{job}").json())["state"] == "running":
            assert time.monotonic() < deadline, "it goes on and on"
            time.sleep(0.05)
        return told


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    made = Desk(tmp_path_factory.mktemp("desk"))
    honest = io.BytesIO()
    pl.DataFrame({"a": [str(each) for each in range(50_000)]}).write_parquet(honest)
    made.bring("honest", honest.getvalue(), 50_000)
    made.bring("honest", repeated(text(9), 50_000), 50_000)
    for operation, arguments in (("data.full-profile", {"reference": "honest"}), ("data.diff", ASKED)):
        assert made.outcome(operation, **arguments)["state"] == "finished"
    made.process.growth()
    yield made
    made.client.close()
    made.process.stop()


ASKED = {"before": "honest", "whole_rows": True}


@pytest.mark.parametrize("name", SIMPLE)
def test_a_job_about_it_fails_and_the_server_goes_on(desk: Desk, name: str) -> None:
    word = f"d{SIMPLE.index(name)}"
    desk.bring(word, repeated(text(9), 10), 10)
    desk.bring(word, HOSTILE[name], 10)
    for operation, arguments in (
        ("data.full-profile", {"reference": word}),
        ("data.diff", {**ASKED, "before": word}),
    ):
        told = desk.outcome(operation, **arguments)
        assert (told["state"], told["error"]["code"]) == ("failed", "file-unreadable"), told
        assert "/" not in told["error"]["what"].replace(f"{word}@", ""), "no path of the server's"
    assert desk.process.is_well()
    assert desk.process.growth() < GROWTH


def test_each_of_them_is_refused_and_the_next_file_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apart, "MOST_BYTES", 64 << 20)
    (tmp_path / "fine").write_bytes(repeated(text(9), 10))
    with Apart() as reader:
        for name, data in HOSTILE.items():
            (tmp_path / "it").write_bytes(data)
            with pytest.raises(UnpacksTooFar if name == "10^9 numbers" else FileUnreadable):
                list(reader.pieces(tmp_path / "it", piece_bytes=apart.PIECE_BYTES))
        (fine,) = reader.pieces(tmp_path / "fine", piece_bytes=apart.PIECE_BYTES)
    assert fine["a"].to_list() == [b"0" * 9] * 10


def test_what_takes_too_long_or_one_row_too_large_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "it"
    path.write_bytes(repeated(text(70 << 20), 1))
    with pytest.raises(FileUnreadable, match="one row takes"):
        list(pieces_apart(path, piece_bytes=apart.PIECE_BYTES))
    monkeypatch.setattr(apart, "PIECE_S", 0.001)
    with pytest.raises(FileUnreadable, match="for a piece"):
        list(pieces_apart(path, piece_bytes=apart.PIECE_BYTES))


def test_honest_rows_are_the_same_read_apart(tmp_path: Path) -> None:
    path = tmp_path / "it.parquet"
    pl.DataFrame(
        {"a": [1, None] * 500, "b": [["x", None], []] * 500, "c": [{"d": 1.5, "e": b"f"}, None] * 500}
    ).with_columns(
        pl.Series("g", ["x", "y"] * 500, dtype=pl.Categorical),
        pl.Series("h", ["x", "y"] * 500, dtype=pl.Enum(["x", "y"])),
        pl.lit("2026-01-02").str.to_datetime("%Y-%m-%d", time_zone="UTC").alias("i"),
        pl.lit("12.50").cast(pl.Decimal(10, 2)).alias("j"),
    ).write_parquet(path)
    ours = pl.concat(pieces_apart(path, piece_bytes=2_000))
    assert_frame_equal(ours, pl.concat(parquet_pieces(path, 2_000)))
