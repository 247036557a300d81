import io
from datetime import UTC, datetime

from rich.console import Console

from ropeway.cli import draw


def drawn(function, *args, width=80, terminal=False, **kwargs):
    out = Console(
        file=io.StringIO(),
        width=width,
        force_terminal=terminal,
        color_system=None,
        highlight=False,
        emoji=False,
        markup=False,
        soft_wrap=not terminal,
    )
    function(out, *args, **kwargs)
    return out.file.getvalue()


def test_a_table_is_aligned_and_shows_dashes_for_none():
    text = drawn(draw.table, ["name", draw.Column("f1", right=True)], [["a", 0.5], ["long name", None]])
    assert text == "  name          f1\n  a          0.500\n  long name      \u2013\n"


def test_text_with_brackets_and_colons_comes_out_whole():
    text = drawn(draw.table, ["text"], [["[bold]see[/bold] :smile: [1]"]])
    assert "[bold]see[/bold] :smile: [1]" in text


def test_in_a_pipe_nothing_is_cut_or_wrapped():
    long = "word " * 60
    assert long.strip() in drawn(draw.table, [draw.Column("text", grow=True)], [[long.strip()]])


def test_on_a_terminal_only_growing_columns_are_cut_and_lines_fit():
    rows = [["sentiment@2", "word " * 60, 4200]]
    text = drawn(
        draw.table, ["version", draw.Column("text", grow=True), "rows"], rows, width=60, terminal=True
    )
    assert "sentiment@2" in text
    assert "4,200" in text
    assert "…" in text
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 60


def test_an_empty_table_still_has_its_titles():
    assert drawn(draw.table, ["name", "rows"], []) == "  name  rows\n"


def test_a_badge_says_in_words_what_its_colour_says():
    for state in draw.LOOKS:
        assert state in draw.badge(state).plain
        assert len(draw.badge(state).plain) > len(state)


def test_a_tree_draws_branches_and_notes():
    root = draw.Node(
        "root", ["remark"], [draw.Node("a", ["note"], [draw.Node("b")]), draw.Node("c", ["end"])]
    )
    assert drawn(draw.tree, root).splitlines() == [
        "root",
        "│  remark",
        "├─ a",
        "│  │  note",
        "│  └─ b",
        "└─ c",
        "      end",
    ]


def test_on_a_terminal_remarks_wrap_behind_their_branch():
    root = draw.Node("root", [], [draw.Node("a", ["word " * 20], [draw.Node("b")])])
    lines = drawn(draw.tree, root, width=40, terminal=True).splitlines()
    assert lines[2].startswith("   │  word")
    assert lines[3].startswith("   │  word")
    assert max(len(line) for line in lines) <= 40


def test_facts_leave_out_what_is_not_known():
    assert drawn(draw.facts, [("rows", 4200), ("by", None), ("agreement", 0.78)]) == (
        "  rows       4,200\n  agreement  0.780\n"
    )


def test_on_a_terminal_long_facts_wrap_beside_their_name():
    lines = drawn(draw.facts, [("says", "word " * 20)], width=40, terminal=True).splitlines()
    assert len(lines) > 1
    assert lines[0].startswith("  says  word")
    assert all(line.startswith("        word") for line in lines[1:])


def test_next_steps_stand_under_each_other():
    assert drawn(draw.next_step, "cd x", "ropeway status", why="see") == (
        "\nnext  cd x\n      ropeway status   see\n"
    )


def test_a_meter_marks_the_limit():
    assert draw.meter(0.5, cells=4).plain == "██░░"
    assert draw.meter(1.0, 0.5, cells=4).plain == "██│█"
    assert draw.meter(-1.0, 2.0, cells=4).plain == "░░░│"


def test_sizes_durations_moments_and_counts_read_well():
    assert [draw.size(n) for n in (999, 1500, 3_400_000)] == ["999 B", "1.5 KB", "3.4 MB"]
    assert [draw.duration(s) for s in (0.012, 3.42, 125, 11_400)] == [
        "12 ms",
        "3.4 s",
        "2 min 05 s",
        "3 h 10 min",
    ]
    assert draw.when(datetime(2026, 5, 3, 8, 5, tzinfo=UTC)) == "2026-05-03 08:05"
    assert draw.count(1, "row") == "1 row"
    assert draw.count(4200, "entry", "entries") == "4,200 entries"


def test_a_long_text_is_clipped_to_one_line():
    assert draw.clip("a\n b") == "a b"
    assert draw.clip("x" * 100, 10) == "x" * 9 + "…"
