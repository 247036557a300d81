"""The searches of `q_search` among a million runs, which take minutes to make."""

from functools import partial

from benchmarks.case import Case
from benchmarks.cases.q_search import measure

CASE = Case(
    name="search-million", title="Searching a million runs", measure=partial(measure, counts=[1_000_000])
)
