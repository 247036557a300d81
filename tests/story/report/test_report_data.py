"""The report's data is asked for by a query that anybody with the right to read stories may call."""

from ropeway.story.operations import report_data
from ropeway.workspace.operations import list_events


def test_it_is_a_query_that_needs_the_right_to_read_stories():
    assert (report_data.name, report_data.kind, report_data.permission) == (
        "story.report-data",
        "query",
        "story:read",
    )


def test_asking_writes_nothing(whole):
    (before,) = list_events(whole.workspace, newest=True, limit=1)
    report_data(whole.workspace)
    assert list_events(whole.workspace, newest=True, limit=1) == [before]
