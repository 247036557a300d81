"""Whatever people write into names, notes and texts, the page is built of the same elements."""

import contextlib
import re
from datetime import datetime
from html.parser import HTMLParser

import msgspec
import pytest
from tests.attacks.browsing import Listener, browser, is_calm

from ropeway.story.operations import report_data
from ropeway.story.report.page import page
from ropeway.story.report.records import ReportData

POISONS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style><style>*{display:none}</style>",
    "'; background: url(https://evil.example/x)",
    "</title></svg><iframe src=//evil.example>",
    "\x00\x1b[31m\u202e &amp; <b",
)
OURS = frozenset({"role", "state", "severity", "when", "kind", "profile", "drift", "findings", "labels"})
"""Fields of which the values are digests, or words of our own."""


class Elements(HTMLParser):
    """The elements and attributes of a page, as a browser takes them."""

    def __init__(self, markup):
        super().__init__()
        self.tags, self.attributes = [], set()
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes |= {(tag, name) for name, _ in attrs}


def poisoned(value, poison, key=""):
    """The same data with every text of somebody's replaced; versions keep their numbers."""
    match value:
        case dict():
            free = key in ("tokens", "quality")
            return {
                (poison + name if free else name): poisoned(each, poison, name)
                for name, each in value.items()
            }
        case list():
            return [poisoned(each, poison, key) for each in value]
        case str() if key not in OURS:
            head, mark, number = value.rpartition("@")
            return f"{poison}@{number}" if mark and number.isdigit() and head else poison
    return value


def with_texts(data, text):
    raw = msgspec.to_builtins(data, builtin_types=(datetime,))
    return page(msgspec.convert(poisoned(raw, text), ReportData))


@pytest.fixture(scope="module")
def data(whole):
    return report_data(whole.workspace)


@pytest.mark.parametrize("poison", POISONS)
def test_texts_of_users_are_read_and_not_obeyed(data, poison):
    bad = with_texts(data, poison)
    found, expected = Elements(bad), Elements(with_texts(data, "harmless"))
    assert found.tags == expected.tags
    assert found.attributes == expected.attributes
    assert poison not in bad


def test_control_characters_never_reach_the_page(data):
    assert re.search("[\x00-\x08\x0b-\x1f]", with_texts(data, "a\x00b\x1bc\x08d")) is None


@browser
@pytest.mark.slow
def test_a_browser_runs_nothing_of_it_and_fetches_nothing(data, tmp_path):
    report = tmp_path / "report.html"
    with contextlib.closing(Listener()) as listener:
        report.write_text(with_texts(data, listener.poison), encoding="utf-8")
        assert "&lt;script&gt;" in is_calm(report.as_uri(), listener, tmp_path / "profile")
