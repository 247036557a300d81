"""The operations on traces."""

from ropeway.tracking.traces.changing import (
    assess_trace,
    change_trace,
    link_traces,
    remove_traces,
    unassess_trace,
)
from ropeway.tracking.traces.finding import find_traces
from ropeway.tracking.traces.reading import (
    count_traces,
    get_some_traces,
    get_trace,
    get_trace_info,
    resolve_trace,
)
from ropeway.tracking.traces.recording import describe_trace, record_spans

__all__ = [
    "assess_trace",
    "change_trace",
    "count_traces",
    "describe_trace",
    "find_traces",
    "get_some_traces",
    "get_trace",
    "get_trace_info",
    "link_traces",
    "record_spans",
    "remove_traces",
    "resolve_trace",
    "unassess_trace",
]
