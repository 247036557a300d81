import csv
import io

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ropeway.data.file_errors import (
    BadHeader,
    BrokenRow,
    FileEmpty,
    FileMissing,
    FileUnreadable,
    NotUtf8,
    UnknownFormat,
)
from ropeway.data.kinds import kinds
from ropeway.data.read import format_of, read_table


@pytest.fixture
def read(tmp_path):
    def write_and_read(content, name="rows.csv", **known):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_table(path, form=format_of(path), kinds=known)

    return write_and_read


def test_a_csv_file_gives_typed_columns(read):
    frame = read(
        "id,name,age,height,member,born\n007,Ann,31,1.7,true,1990-01-02\n008,,,NA,false,1991-03-04\n"
    )
    assert kinds(frame) == {
        "id": "text",
        "name": "text",
        "age": "integer",
        "height": "number",
        "member": "boolean",
        "born": "date",
    }
    assert frame["id"].to_list() == ["007", "008"]
    assert frame["age"].to_list() == [31, None]
    assert frame["name"].to_list() == ["Ann", None]


def test_a_byte_order_mark_and_crlf_are_accepted(read):
    frame = read(b'\xef\xbb\xbfid,text\r\n1,hello\r\n2,"two\r\nlines"\r\n')
    assert frame.columns == ["id", "text"]
    assert frame["text"].to_list() == ["hello", "two\r\nlines"]


def test_line_ends_of_old_macs_are_accepted(read):
    assert read("a,b\r1,2\r3,4\r")["b"].to_list() == [2, 4]


@pytest.mark.parametrize("sign", [";", "\t", "|"])
def test_other_delimiters_are_seen_in_the_header(read, sign):
    assert read(f"a{sign}b\n1{sign}2,5\n").columns == ["a", "b"]


def test_blank_lines_are_no_rows(read):
    assert read("a,b\n1,2\n\n3,4\n\n\n").rows() == [(1, 2), (3, 4)]


def test_kinds_that_are_known_are_kept_when_values_fit(read):
    assert kinds(read("a,b\n1,2\n", a="text", b="number")) == {"a": "text", "b": "number"}


def test_a_value_that_does_not_fit_a_known_kind_leaves_the_column_as_found(read):
    assert kinds(read("a\n1\nx\n", a="integer")) == {"a": "text"}


def test_an_empty_file_is_refused(read):
    with pytest.raises(FileEmpty, match="is empty"):
        read("")
    with pytest.raises(FileEmpty, match="is empty"):
        read(b"\xef\xbb\xbf\r\n\r\n")


def test_a_header_without_rows_is_refused(read):
    with pytest.raises(FileEmpty, match="a header and no rows"):
        read("a,b\n")


@pytest.mark.parametrize(("row", "got"), [("2,3,4", "3 fields"), ("2", "1 field")])
def test_a_broken_row_is_named_with_line_and_field_counts(read, row, got):
    with pytest.raises(BrokenRow, match=f"(?s)Line 4 .* it has {got}.*expected 2 fields") as caught:
        read(f'a,b\n1,"x\ny"\n{row}\n5,6\n')
    assert caught.value.code == "broken-row"
    assert caught.value.facts["line"] == 4


def test_several_broken_rows_are_counted(read):
    with pytest.raises(BrokenRow, match=r"Line 3 .* 2 more rows are broken"):
        read("a,b\n1,2\n3\n4,5\n6\n7,8,9\n")


def test_a_quote_that_is_never_closed_is_found(read):
    with pytest.raises(BrokenRow, match=r"Line 3 .* never closed"):
        read('a,b\n1,2\n3,"four\n5,6\n')


def test_columns_of_one_name_are_refused(read):
    with pytest.raises(BadHeader, match="'a' is the name of column 1 and of 3"):
        read("a,b,a\n1,2,3\n")


def test_a_column_without_name_is_refused(read):
    with pytest.raises(BadHeader, match="column 1 has no name"):
        read(",a\n0,1\n")


def test_a_blank_first_line_is_no_header(read):
    with pytest.raises(BadHeader, match="first line is blank"):
        read("\na,b\n1,2\n")


def test_a_stray_carriage_return_is_a_broken_row(read):
    with pytest.raises(BrokenRow, match="is broken"):
        read("a\rb,c\n1,2\n")  # it ends a line, as Python's csv has it


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.lists(st.text('a1",;\n\t é', min_size=1), min_size=2, max_size=2), min_size=1, max_size=4
    ),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_what_pythons_csv_wrote_is_read_as_it_was(read, rows, end):
    written = io.StringIO(newline="")
    csv.writer(written, lineterminator=end).writerows([["a", "b"], *rows])
    assert read(written.getvalue(), a="text", b="text").rows() == [tuple(row) for row in rows]


def test_another_encoding_is_refused_with_its_line(read):
    with pytest.raises(NotUtf8, match=r"line 3 is not UTF-8 \(byte 0xe9\)"):
        read("a\nx\ncaf\xe9 noir\n".encode("latin-1"))
    with pytest.raises(NotUtf8, match="UTF-16"):
        read("a,b\n1,2\n".encode("utf-16"))


def test_a_file_cut_within_a_character_is_refused(read):
    with pytest.raises(NotUtf8, match="cut off"):
        read("a\nx\nñ".encode()[:-1])


def test_a_missing_file_names_its_likely_neighbour(tmp_path):
    (tmp_path / "tweets.csv").write_text("a\n1\n")
    with pytest.raises(FileMissing, match=r"Did you mean '.*tweets\.csv'"):
        format_of(tmp_path / "tweet.csv")
    with pytest.raises(FileMissing, match="no file"):
        format_of(tmp_path / "nowhere" / "tweet.csv")


def test_a_folder_is_refused(tmp_path):
    (tmp_path / "rows.csv").write_text("a\n1\n")
    with pytest.raises(FileUnreadable, match=r"(?s)is a folder.*data add .*rows\.csv"):
        format_of(tmp_path)


def test_an_unknown_format_is_refused(tmp_path):
    (tmp_path / "rows.xlsx").write_bytes(b"PK")
    with pytest.raises(UnknownFormat, match=r"'\.xlsx' is no format"):
        format_of(tmp_path / "rows.xlsx")
    (tmp_path / "rows").write_bytes(b"a")
    with pytest.raises(UnknownFormat, match="no ending"):
        format_of(tmp_path / "rows")


def test_a_parquet_file_keeps_its_types(read, tmp_path):
    frame = pl.DataFrame(
        {"id": ["a"], "ratings": [[1, -4]]}, schema={"id": pl.String, "ratings": pl.List(pl.Int8)}
    )
    frame.write_parquet(tmp_path / "source.parquet")
    again = read((tmp_path / "source.parquet").read_bytes(), "rows.parquet")
    assert again.equals(frame)
    assert kinds(again) == {"id": "text", "ratings": "list[integer]"}


@pytest.mark.parametrize("kept", [0.3, 0.9, 0.999])
def test_a_truncated_parquet_file_is_refused(read, tmp_path, kept):
    pl.DataFrame({"a": list(range(5000))}).write_parquet(tmp_path / "source.parquet")
    content = (tmp_path / "source.parquet").read_bytes()
    with pytest.raises(FileUnreadable, match="no whole Parquet file"):
        read(content[: int(len(content) * kept)], "rows.parquet")


def test_a_parquet_file_without_rows_is_refused(read, tmp_path):
    pl.DataFrame({"a": []}, schema={"a": pl.Int64}).write_parquet(tmp_path / "source.parquet")
    with pytest.raises(FileEmpty, match="columns and no rows"):
        read((tmp_path / "source.parquet").read_bytes(), "rows.parquet")


def test_json_lines_give_typed_columns_and_missing_values(read):
    frame = read('{"a": 1, "b": "x"}\n\n{"a": 2.5, "c": [1, 2]}\n', "rows.jsonl")
    assert kinds(frame) == {"a": "number", "b": "text", "c": "list[integer]"}
    assert frame["b"].to_list() == ["x", None]


def test_json_lines_with_a_byte_order_mark_and_crlf_are_accepted(read):
    assert read(b'\xef\xbb\xbf{"a": 1}\r\n{"a": 2}\r\n', "rows.jsonl")["a"].to_list() == [1, 2]


@pytest.mark.parametrize("line", ['{"a": ', "[1, 2]", "3", "{'a': 1}"])
def test_a_broken_json_line_is_named(read, line):
    with pytest.raises(BrokenRow, match="Line 2 "):
        read(f'{{"a": 1}}\n{line}\n', "rows.jsonl")


def test_json_whole_numbers_become_the_number_that_they_are_known_to_be(read):
    assert kinds(read('{"a": 1}\n', "rows.jsonl", a="number")) == {"a": "number"}


@pytest.mark.parametrize("number", [2**63, 2**64 - 1, -(2**63) - 1, 10**30])
def test_json_integers_past_64_bits_are_text_as_in_csv(read, number):
    # They came as 128-bit integers, which the line after reading does not know.
    lines = f'{{"a": {number}, "b": [{number}], "c": {{"d": {number}}}}}\n{{"a": 1}}\n'
    frame = read(lines, "rows.jsonl")
    assert frame.row(0) == (str(number), [str(number)], {"d": str(number)})
    assert frame["a"][1] == "1"
    again = read(lines, "rows.jsonl", **kinds(frame))
    assert again.equals(frame)


def test_parquet_integers_past_64_bits_are_text(read, tmp_path):
    frame = pl.DataFrame({"a": [2**70, 1]}, schema={"a": pl.Int128})
    frame.write_parquet(tmp_path / "rows.parquet")
    assert read_table(tmp_path / "rows.parquet", form="parquet")["a"].to_list() == [str(2**70), "1"]
