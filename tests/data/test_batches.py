from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from ropeway.data.batches import pieces
from ropeway.data.kinds import kinds
from ropeway.data.read import read_table

CELL = st.text(st.sampled_from('ab1,"\n é.'), max_size=6)


def walk(path: Path, form: str, piece_bytes: int) -> tuple[pl.DataFrame, int]:
    whole = read_table(path, form=form)
    found = list(pieces(path, form=form, kinds=kinds(whole), rows=whole.height, piece_bytes=piece_bytes))
    assert_frame_equal(pl.concat(found), whole)
    return whole, len(found)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(rows=st.lists(st.tuples(CELL, CELL), min_size=1, max_size=30))
def test_a_csv_file_in_pieces_is_the_file(rows, tmp_path):
    path = tmp_path / "rows.csv"
    pl.DataFrame(rows, schema=["left", "right"], orient="row").write_csv(path)
    walk(path, "csv", piece_bytes=40)


def test_a_csv_file_of_many_kinds_is_cut_at_the_ends_of_records(tmp_path):
    path = tmp_path / "rows.csv"
    lines = [f'{n},"a ""quoted""\nline, {n}",{n / 3:.3f},2026-01-{n % 28 + 1:02d},' for n in range(500)]
    path.write_text("id;text;x;day;gone\n".replace(";", ",") + "\n".join(lines))
    whole, count = walk(path, "csv", piece_bytes=1000)
    assert whole.height == 500
    assert count > 10


@pytest.mark.parametrize("text", ["a,b\n1,2\n\n3,4\n" * 1, "a\n1\n2\n3\n4\n5\n6\n", "a,b\r\n1,2\r\n3,4\r\n"])
def test_blank_lines_single_columns_and_other_line_ends_come_out_as_they_were_read(text, tmp_path):
    path = tmp_path / "rows.csv"
    path.write_bytes(text.encode())
    walk(path, "csv", piece_bytes=6)


def test_json_lines_and_parquet_come_in_pieces(tmp_path):
    frame = pl.DataFrame(
        {"id": range(300), "tags": [["a", "b"][: n % 3] for n in range(300)], "x": [0.5] * 300}
    )
    frame.write_ndjson(tmp_path / "rows.jsonl")
    frame.write_parquet(tmp_path / "rows.parquet")
    assert walk(tmp_path / "rows.jsonl", "jsonl", piece_bytes=500)[1] > 5
    assert walk(tmp_path / "rows.parquet", "parquet", piece_bytes=500)[1] > 2
