"""The page: self-contained, harmless whatever texts stand in it, and telling what is missing."""

import re
from html.parser import HTMLParser

import msgspec
import pytest

from ropeway.story.operations import report_data
from ropeway.story.report.page import POLICY, page, style
from ropeway.story.report.sections.performance import _measured, _stretches

POISON = (
    "<script>alert(1)</script><img src=x onerror=\"alert('2')\"></svg></style>&amp; \x00 ]]> javascript:3"
)
VOID = {"meta", "br"}
HARMLESS = {
    *(
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "main",
        "header",
        "footer",
        "section",
        "article",
        "div",
    ),
    *("p", "h1", "h2", "h3", "h4", "b", "i", "span", "br", "ol", "li", "code", "figure"),
    *("table", "thead", "tbody", "tr", "th", "td"),
    *("svg", "desc", "g", "rect", "line", "path", "circle", "text"),
}


class Reader(HTMLParser):
    """Every element, attribute and piece of text; elements must close in order."""

    def __init__(self, markup):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.texts, self.stack = [], [], [], []
        self.feed(markup)
        self.close()
        assert self.stack == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def read(markup):
    return Reader(markup)


def told_by(markup):
    """All words of the page, in order."""
    return " ".join(" ".join(read(markup).texts).split())


def poisoned(value):
    """The same data, every text in it replaced by markup that would do harm; keys and enums stay."""
    kept = {"state", "role", "severity", "when", "kind", "part", "ref", "model", "name", "environment"}

    def spoil(thing, key=""):
        if isinstance(thing, dict):
            return {name: spoil(inner, name) for name, inner in thing.items()}
        if isinstance(thing, list):
            return [spoil(inner, key) for inner in thing]
        is_time = isinstance(thing, str) and re.match(r"\d{4}-\d\d-\d\dT", thing)
        return POISON if isinstance(thing, str) and key not in kept and not is_time else thing

    spoilt = spoil(msgspec.to_builtins(value, str_keys=True))
    return msgspec.convert(spoilt, type(value), strict=False)


@pytest.fixture(scope="module")
def data(whole):
    return report_data(whole.workspace)


@pytest.fixture(scope="module")
def markup(data):
    return page(data)


def test_the_page_loads_nothing_links_nowhere_and_runs_nothing(markup):
    found = read(markup)
    assert set(found.tags) <= HARMLESS
    names = {name for _, name, _ in found.attributes}
    assert names & {"href", "src", "xlink:href", "action", "style", "srcdoc", "data"} == set()
    assert [name for name in names if name.startswith("on")] == []
    assert re.search(r"@import|url\(|https?:", style()) is None


def test_its_policy_forbids_what_it_does_not_need(markup):
    assert ("meta", "content", POLICY) in read(markup).attributes
    assert POLICY.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:")


def test_texts_of_users_are_read_and_never_obeyed(data, markup):
    found = read(page(poisoned(data)))
    assert set(found.tags) == set(read(markup).tags)
    assert [name for _, name, _ in found.attributes if name.startswith("on")] == []
    assert any("<script>alert(1)</script>" in text for text in found.texts)
    assert "\x00" not in page(poisoned(data))


def test_it_is_small_and_the_same_for_the_same_data(data, markup):
    assert len(markup.encode()) < 500_000
    assert page(data) == markup


def test_it_tells_what_is_live_the_numbers_and_the_outcomes(markup):
    told = told_by(markup)
    for words in (
        "sentiment@2 is live",
        "by rule: proven gain",
        "0.630",
        "4 columns",
        "83% of 540 answers labelled",
        "sentiment@1 live",
        "bar 0.55",
        "went live",
        "rolled back",
        "0.018 of 0.05 spent on 2 releases, 0.032 left",
        "trying the old one",
        "1,000 judged predictions added",
        "rollout promoted after 620 entities",
        "1 open, 2 over.",
    ):
        assert words in told, words


def test_every_picture_has_words_for_who_does_not_see_it(markup):
    pictures = markup.count("<svg")
    assert pictures > 10
    assert markup.count('role="img"') == pictures
    assert len(re.findall(r"<svg[^>]*><title>[^<]+</title><desc>[^<]+</desc>", markup)) == pictures


def test_no_figure_is_not_a_number(markup):
    assert re.search(r'"[^"]*\b(nan|inf|None)\b[^"]*"', markup) is None


def test_sixty_windows_and_eight_rollouts_stay_under_the_limit(data):
    (place,) = data.places
    many = [*place.windows, *place.windows, *place.windows][:60]
    wide = msgspec.structs.replace(
        data,
        places=[msgspec.structs.replace(place, windows=many)],
        rollouts=(data.rollouts * 4)[:8],
        alerts=(data.alerts * 20)[:60],
        retrainings=data.retrainings * 8,
    )
    assert len(page(wide).encode()) < 500_000


def test_an_empty_project_is_told_what_is_missing(season):
    told = told_by(page(report_data(season.workspace)))
    assert "Nothing is live yet" in told
    assert "ropeway status" in told


def test_a_fresh_release_has_empty_states_with_commands(season):
    markup = page(report_data(season.first_release().workspace))
    told = told_by(markup)
    for words in (
        "sentiment@1 is live",
        "ropeway feedback PREDICTION VALUE",
        "No window has been judged yet",
        "No version has had to prove itself on real traffic yet.",
        "None was ever raised.",
        "ropeway retrain",
    ):
        assert words in told, words


def test_a_line_breaks_where_nobody_knows_the_truth(data):
    (place,) = data.places
    measured = [(line, line.performance) for line in place.windows if line.ref == "sentiment@1"]
    known = [sum(each.value is not None for _, each in stretch) for stretch in _stretches(measured)]
    assert known == [3, 11]
    assert all(each.value is not None for stretch in _stretches(measured) for _, each in stretch)


def test_a_figure_of_a_handful_of_labels_is_left_out_where_there_are_better_ones(data):
    (place,) = data.places
    line = next(line for line in place.windows if line.performance.labelled > 100)
    one = msgspec.structs.replace(line.performance, labelled=1, value=0.0, low=0.0, high=0.95)
    unsure = msgspec.structs.replace(line, performance=one)
    assert [each.value for _, each in _measured([unsure, line])] == [None, line.performance.value]
    assert [each.value for _, each in _measured([unsure])] == [0.0]
