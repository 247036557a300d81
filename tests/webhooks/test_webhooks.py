"""Webhooks are told at least once, in order, signed, by one process; never elsewhere than a person said."""

import sqlite3
from typing import Any

import pytest
from sqlalchemy import select
from tests.webhooks.conftest import SECRET, Receiver

from ropeway.keeping.operations import fsck
from ropeway.ledger.database import driver
from ropeway.ledger.tables import event
from ropeway.models.afar.operations import change_version, create_entry, register_foreign, set_alias
from ropeway.testing import FixedClock
from ropeway.webhooks.deliver import GIVE_UP_AFTER, NAME, Deliverer
from ropeway.webhooks.errors import WebhookInvalid, WebhookSealed
from ropeway.webhooks.follow import followers, note
from ropeway.webhooks.operations import (
    add_webhook,
    change_webhook,
    get_webhook,
    list_webhooks,
    remove_webhook,
    try_webhook,
)
from ropeway.webhooks.projections import webhook_progress
from ropeway.webhooks.topics import EXAMPLES
from ropeway.workspace import LocalWorkspace
from ropeway.workspace.lease import take_lease


def hook(workspace: LocalWorkspace, url: str, **more: Any) -> str:
    given = {"name": "ci", "topics": list(EXAMPLES), "secret": SECRET, **more}
    return add_webhook(workspace, url=url, **given)


def walk(workspace: LocalWorkspace, name: str = "m") -> None:
    create_entry(workspace, shown=name, tags={"a": "1"})
    register_foreign(workspace, shown=name, origin="s3://x", description="words")
    change_version(workspace, shown=name, number=1, tags={"k": "v"})
    set_alias(workspace, shown=name, alias="champion", number=1)
    set_alias(workspace, shown=name, alias="champion", number=None)


WALKED = [
    "registered_model.created",
    "model_version.created",
    "model_version_tag.set",
    "model_version_alias.created",
    "model_version_alias.deleted",
]


def test_a_webhook_is_told_in_order_what_happened_since_it_is_there(
    hooked: LocalWorkspace, receiver: Receiver
) -> None:
    create_entry(hooked, shown="before")
    hook(hooked, receiver.url)
    walk(hooked)
    assert Deliverer(hooked).round()
    assert receiver.told == WALKED
    assert receiver.taken[1]["data"] == {
        "name": "m", "version": "1", "source": "s3://x", "run_id": None, "tags": {}, "description": "words",
    }  # fmt: skip
    assert not Deliverer(hooked).round(), "nothing twice"


def test_a_prompt_is_told_of_as_a_prompt(hooked: LocalWorkspace, receiver: Receiver) -> None:
    hook(hooked, receiver.url)
    marked = {"mlflow.prompt.is_prompt": "true"}
    create_entry(hooked, shown="greet", tags=marked)
    text = {**marked, "mlflow.prompt.text": "Hi {{x}}", "t": "1"}
    register_foreign(hooked, shown="greet", origin="prompt-template", tags=text)
    Deliverer(hooked).round()
    assert receiver.told == ["prompt.created", "prompt_version.created"]
    assert (receiver.taken[1]["data"]["template"], receiver.taken[1]["data"]["tags"]) == (
        "Hi {{x}}",
        {"t": "1"},
    )


def test_what_is_not_taken_is_tried_again_later_and_holds_up_what_comes_after(
    hooked: LocalWorkspace, receiver: Receiver, clock: FixedClock
) -> None:
    webhook = hook(hooked, receiver.url)
    walk(hooked)
    receiver.answers = [200, 503, 302]
    deliverer = Deliverer(hooked)
    deliverer.round()
    assert receiver.told == WALKED[:1]
    deliverer.round()
    found = get_webhook(hooked, webhook=webhook)
    assert (found.fails, "503" in found.says) == (1, True), "not at once again"
    clock.advance(seconds=2)
    deliverer.round()
    assert "redirects are not followed" in get_webhook(hooked, webhook=webhook).says
    clock.advance(seconds=3)
    deliverer.round()
    assert receiver.told == WALKED
    assert len(set(receiver.ids)) == 5, "the same id at each try"
    assert receiver.ids[1] == receiver.ids[2] == receiver.ids[3]


def test_one_that_was_killed_after_it_sent_is_sent_again_under_the_same_id(
    hooked: LocalWorkspace, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook(hooked, receiver.url)
    walk(hooked)

    def killed(*_: object, **__: object) -> None:
        raise KeyError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(Deliverer, "_write", killed)
        with pytest.raises(KeyError, match="killed"):
            Deliverer(hooked).round()
    Deliverer(hooked).round()
    assert receiver.told == [WALKED[0], *WALKED]
    assert receiver.ids[0] == receiver.ids[1]


def test_of_two_that_would_one_does_it(hooked: LocalWorkspace, receiver: Receiver) -> None:
    hook(hooked, receiver.url)
    walk(hooked)
    with take_lease(hooked, NAME):
        assert not Deliverer(hooked).round()
    with Deliverer(hooked, poll_s=0.01), Deliverer(hooked, poll_s=0.01):
        receiver.wait(5)
        walk(hooked, "n")
        receiver.wait(10)
    assert receiver.told == [*WALKED, *WALKED]


def test_one_webhook_that_fails_keeps_nothing_from_another(
    hooked: LocalWorkspace, receiver: Receiver
) -> None:
    hook(hooked, receiver.url, name="deaf", secret="another")
    hook(hooked, receiver.url, topics=["model_version.created"])
    walk(hooked)
    Deliverer(hooked).round()
    assert receiver.told == ["model_version.created"]
    assert [each.fails for each in list_webhooks(hooked)] == [0, 1]


def test_what_waited_for_too_long_is_given_up_on_record(
    hooked: LocalWorkspace, receiver: Receiver, clock: FixedClock
) -> None:
    hook(hooked, receiver.url)
    walk(hooked)
    clock.advance(seconds=GIVE_UP_AFTER.total_seconds() + 1)
    receiver.answers = [500]
    Deliverer(hooked).round()
    create_entry(hooked, shown="later")
    clock.advance(seconds=2)
    Deliverer(hooked).round()
    assert receiver.told == ["registered_model.created"]
    assert receiver.taken[0]["data"]["name"] == "later"
    with hooked.ledger.reading() as read:
        dropped = [
            fact.event for fact in hooked.ledger.facts(read) if fact.event.subject().startswith("webhook:")
        ]
    assert (dropped[-1].count, dropped[-1].error) == (5, "undeliverable")


def test_one_that_slept_is_not_told_what_happened_meanwhile(
    hooked: LocalWorkspace, receiver: Receiver
) -> None:
    webhook = hook(hooked, receiver.url)
    change_webhook(hooked, webhook=webhook, active=False)
    walk(hooked)
    assert not Deliverer(hooked).round()
    change_webhook(hooked, webhook=webhook, active=True)
    create_entry(hooked, shown="after")
    Deliverer(hooked).round()
    assert [each["data"]["name"] for each in receiver.taken] == ["after"]


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/x", "https://127.0.0.1/x", "https://localhost/x", "https://10.0.0.8/x",
        "https://169.254.169.254/latest", "https://[::1]/x", "https://[::ffff:127.0.0.1]/x", "file:///etc/passwd",
        "https://ana:pw@example.org/x", "gopher://x", "", "https://", "https://127.0.0.1:1/\r\nx", "https://2130706433/x",
    ],
)  # fmt: skip
def test_an_address_that_a_person_did_not_allow_is_refused(hooked: LocalWorkspace, url: str) -> None:
    with pytest.raises(WebhookInvalid, match="address of a webhook"):
        hook(hooked, url)
    assert list_webhooks(hooked) == []


def test_an_address_that_is_allowed_no_more_is_not_called(hooked: LocalWorkspace, receiver: Receiver) -> None:
    webhook = hook(hooked, receiver.url)
    assert try_webhook(hooked, webhook=webhook).status == 200
    (hooked.root / "ropeway.toml").write_text('[project]\nname = "hooked"\n')
    walk(hooked)
    Deliverer(hooked).round()
    tried = try_webhook(hooked, webhook=webhook)
    assert (tried.success, tried.status) == (False, None)
    assert receiver.told == ["registered_model.created"], "the trial alone"


@pytest.mark.sqlite("its log is emptied, which a snapshot would keep it from")
def test_a_trial_holds_no_snapshot_while_it_speaks(hooked: LocalWorkspace, receiver: Receiver) -> None:
    webhook, found = hook(hooked, receiver.url), []

    def empty_the_log(headers: Any, body: bytes) -> int:
        beside = driver().connect(hooked.home / "ledger.db", timeout=0)
        found.append(beside.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0])
        beside.close()
        return Receiver.take(receiver, headers, body)

    receiver.take = empty_the_log  # type: ignore[method-assign]
    assert try_webhook(hooked, webhook=webhook).success
    assert found == [0]


@pytest.mark.sqlite("its file is searched")
def test_neither_address_nor_secret_is_in_the_clear_anywhere(
    hooked: LocalWorkspace, receiver: Receiver
) -> None:
    webhook = hook(hooked, receiver.url)
    change_webhook(hooked, webhook=webhook, secret=SECRET + "2")
    hooked.ledger.close()
    with sqlite3.connect(hooked.home / "ledger.db") as plain:
        said = "\n".join(plain.iterdump())
    plain.close()
    kept = b"".join(path.read_bytes() for path in hooked.home.rglob("*") if path.is_file())
    for hidden in (SECRET, "key=k"):
        assert hidden not in said
        assert hidden.encode() not in kept
        assert hidden.encode().hex().upper() not in said


def test_with_another_key_it_says_so_and_sends_nothing(
    hooked: LocalWorkspace, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook = hook(hooked, receiver.url)
    monkeypatch.setenv("ROPEWAY_WEBHOOKS_KEY", "A" * 43 + "=")
    with pytest.raises(WebhookSealed, match="another key"):
        try_webhook(hooked, webhook=webhook)
    walk(hooked)
    Deliverer(hooked).round()
    found = get_webhook(hooked, webhook=webhook)
    assert (found.fails, found.url, receiver.ids) == (1, "https://127.0.0.1/…", [])


def test_what_is_removed_is_forgotten_and_history_holds(hooked: LocalWorkspace, receiver: Receiver) -> None:
    webhook = hook(hooked, receiver.url)
    walk(hooked)
    Deliverer(hooked).round()
    remove_webhook(hooked, webhook=webhook)
    with hooked.ledger.reading() as read:
        for table in ("webhook", "webhook_sealed", "webhook_progress"):
            assert read.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one() == 0
        assert read.execute(select(event.c.verb).where(event.c.subject == f"webhook:{webhook}")).all() == [
            ("webhook-created",),
            ("webhook-removed",),
        ]
    assert fsck(hooked).findings == []


def test_of_one_that_is_removed_while_it_is_told_nothing_is_written_down(
    hooked: LocalWorkspace, receiver: Receiver
) -> None:
    webhook = hook(hooked, receiver.url)
    with hooked.ledger.reading() as read:
        (follower,) = followers(read)
    remove_webhook(hooked, webhook=webhook)
    with hooked.ledger.transaction() as transaction:
        note(transaction.connection, follower, says="'a.host' did not take it")
    with hooked.ledger.reading() as read:
        assert read.execute(select(webhook_progress)).all() == []
