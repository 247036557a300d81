"""The page of figures: `docs/benchmarks.md` is written between its markers from `docs/benchmarks.json`."""

from pathlib import Path

import msgspec

from benchmarks.case import Figure

REPOSITORY = Path(__file__).resolve().parents[1]
PAGE = REPOSITORY / "docs" / "benchmarks.md"
RECORD = REPOSITORY / "docs" / "benchmarks.json"
START, END = "<!-- figures: written by python -m benchmarks -->", "<!-- end of figures -->"


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What one case gave, when and on what."""

    title: str
    figures: list[Figure]
    machine: dict[str, object]
    peers: dict[str, str] = {}
    failure: str = ""


Results = dict[str, Result]


def read_record(path: Path = RECORD) -> Results:
    """The results so far; empty when there are none."""
    return msgspec.json.decode(path.read_bytes(), type=Results) if path.exists() else {}


def write_record(results: Results, path: Path = RECORD) -> None:
    """Keep the results, one indent, so that a change can be read."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n")


def write_page(results: Results, page: Path = PAGE) -> None:
    """Put the tables between the page's markers."""
    text = page.read_text(encoding="utf-8")
    before, _, rest = text.partition(START)
    after = rest.partition(END)[2]
    page.write_text(f"{before}{START}\n\n{render(results)}\n{END}{after}", encoding="utf-8")


def render(results: Results) -> str:
    """All cases as Markdown."""
    return "\n".join(_section(result) for result in results.values())


def _section(result: Result) -> str:
    lines = [f"### {result.title}", ""]
    if result.failure:
        lines += [f"Not measured: {result.failure.strip().splitlines()[-1]}", ""]
    if result.figures:
        lines += ["| figure | ours | goal | beside it, in the same run |", "|---|---|---|---|"]
        lines += [_row(figure) for figure in result.figures]
        lines.append("")
        lines += [f"- {figure.what}: {figure.note}" for figure in result.figures if figure.note]
    machine, peers = result.machine, ", ".join(f"{name} {found}" for name, found in result.peers.items())
    lines += [
        "",
        f"*{str(machine['at'])[:10]}, {machine['processor']}, {machine['cores']} cores, "
        f"Python {machine['python']}, load {machine['load_at_start']} at the start"
        + (f"; {peers}" if peers else "")
        + "*",
        "",
    ]
    return "\n".join(lines)


def _row(figure: Figure) -> str:
    goal = ""
    if figure.goal is not None:
        sign = "≥" if figure.higher_is_better else "≤"
        goal = f"{sign} {_number(figure.goal)} " + ("✓" if figure.is_met else "**missed**")
    beside = "; ".join(
        f"{name} {_number(value) if not isinstance(value, str) else f'({value})'}"
        for name, value in figure.beside.items()
    )
    return f"| {figure.what} | {_number(figure.ours)} {figure.unit} | {goal} | {beside} |"


def _number(value: float) -> str:
    """Three significant digits, thousands apart."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
