"""C8: what others brought or named is never run by a browser: not from the store, nor by a page of ours.

A real Chromium opens the pages, poisoned. What runs in it, or is fetched by it, reaches a listener. The
report of production is opened so in `tests/story/report/test_poison.py`.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from tests.attacks.browsing import Listener, browser, is_calm, opened
from tests.attacks.town import Town
from tests.server.conftest import Server
from tests.serving.conftest import Service, load_served

from ropeway.core.clock import SystemClock
from ropeway.serving.app import PredictionApp
from ropeway.serving.deploy import Deployment
from ropeway.testing import make_workspace

ARTIFACTS = {
    "html": b"<!doctype html><script>alert(1)</script>",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "mathml": b'<math href="javascript:alert(1)">x</math>',
    "js": b"alert(1)",
    "pdf": b"%PDF-1.4 1 0 obj<</OpenAction<</S/JavaScript/JS(app.alert(1))>>>>",
    "yaml": b"!!python/object/apply:os.system ['id']",
    "xml": b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>',
    "notebook": b'{"cells": [{"outputs": [{"data": {"text/html": "<script>alert(1)</script>"}}]}]}',
    "css": b"@import url(http://evil.com)",
}
TYPES = (
    "text/html",
    "image/svg+xml",
    "text/javascript",
    "application/pdf",
    "application/octet-stream; charset=x",
)
MARKUP = ("<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "javascript:alert(1)")


@pytest.mark.parametrize("kind", ARTIFACTS)
def test_an_artifact_leaves_as_an_attachment_of_plain_bytes(town: Town, kind: str) -> None:
    digest = town.keep(ARTIFACTS[kind])
    for asked in ({}, {"accept": "text/html"}, {"range": "bytes=0-5"}, {"if-none-match": "*"}):
        reply = town.ask("GET", f"/api/v1/objects/{digest}?type=text/html", "viewer", headers=asked)
        said = reply.headers
        assert (reply.status_code, reply.content) == (200, ARTIFACTS[kind])
        assert said["content-type"] == "application/octet-stream"
        assert said["content-disposition"] == f'attachment; filename="{digest}"'
        assert said["x-content-type-options"] == "nosniff"
        assert {"default-src 'none'", "sandbox"} <= set(said["content-security-policy"].split("; "))


@pytest.mark.parametrize("kind", TYPES)
def test_a_callers_content_type_is_refused_and_never_kept(town: Town, kind: str) -> None:
    reply = town.ask("PUT", "/api/v1/objects", "contributor", content=b"<p>", headers={"content-type": kind})
    assert (reply.status_code, reply.json()["error"]["code"]) == (415, "unsupported-content")


@pytest.mark.parametrize("markup", MARKUP)
def test_an_answer_that_repeats_markup_is_json_that_no_browser_takes_for_a_page(
    town: Town, service: Service, markup: str
) -> None:
    replies = [
        town.call("models.list", "viewer", name=markup),
        town.call("models.get", "viewer", ref=markup),
        town.call(markup.replace("/", ""), "viewer"),
        town.ask("GET", f"/api/v1/objects/{markup.replace('/', '')}", "viewer"),
        service.client.post("/predict", json={"text": "good", markup: 1}),
        service.client.post("/feedback", json={"id": markup, "value": markup}),
        service.client.get(f"/{markup}"),
    ]
    for reply in replies:
        assert reply.headers["content-type"] == "application/json"
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in reply.headers["content-security-policy"]


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.close()


class Poisoned:
    """A model whose columns and classes are named by an attacker."""

    nullable: tuple[str, ...] = ()

    def __init__(self, poison: str) -> None:
        self.ref = "mood@1"
        self.inputs: Mapping[str, str] = {"text": "String", poison: "String"}
        self.outputs = (poison, "other")

    def predict(self, rows: Any) -> Any:
        import polars as pl

        return pl.DataFrame({name: [0.5] * rows.height for name in self.outputs})

    def close(self) -> None:
        return None


class PoisonedSource(load_served().FolderSource):  # type: ignore[misc]  # loaded from a file
    """Gives that model."""

    poison = ""

    def load(self, ref: str) -> Any:
        return Poisoned(self.poison)


@browser
@pytest.mark.slow
def test_the_listener_hears_a_page_that_is_not_guarded(listener: Listener, tmp_path: Path) -> None:
    (tmp_path / "bare.html").write_text(f"<!doctype html><title>{listener.poison}")
    text, _ = opened((tmp_path / "bare.html").as_uri(), listener, tmp_path / "profile")
    assert "<title>pwned" in text
    assert any("canary" in each for each in listener.heard)


@browser
@pytest.mark.slow
def test_the_page_of_a_service_with_poisoned_names_runs_nothing(listener: Listener, tmp_path: Path) -> None:
    service = Service(tmp_path)
    source = PoisonedSource(tmp_path)
    source.poison = listener.poison
    deployment = Deployment(source, SystemClock())
    service.server.config.loaded_app = PredictionApp(deployment, service.log)
    text = is_calm(f"{service.url}/docs", listener, tmp_path / "profile")
    deployment.stop()
    service.stop()
    assert "&lt;script&gt;" in text, "it was drawn, as text"


@browser
@pytest.mark.slow
def test_the_page_of_a_server_and_its_answers_run_nothing(listener: Listener, tmp_path: Path) -> None:
    with make_workspace(tmp_path / "project") as workspace:
        server = Server(workspace)
        text = is_calm(f"{server.url}/docs", listener, tmp_path / "profile")
        assert "models.list" in text
        is_calm(f"{server.url}/api/v1/{quote(listener.poison, safe='')}", listener, tmp_path / "profile")
        server.stop()
