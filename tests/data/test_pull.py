import sqlite3
import threading

import pytest

from ropeway.core.errors import RopewayError
from ropeway.data.load import load
from ropeway.data.operations import last_pull, list_versions
from ropeway.data.pull import pull
from ropeway.data.sources.errors import (
    QueryFailed,
    SourceMoved,
    SourceNotFound,
    SourceUnreachable,
    SourceUnset,
)
from ropeway.ledger.projections import projected_rows
from ropeway.workspace.download import NotFetched
from ropeway.workspace.operations import list_events
from ropeway.workspace.outbound import AddressRefused

HEAD = '[project]\nname = "trial"\n'
ORDERS = (
    HEAD
    + """
[source.orders]
kind = "sql"
url_env = "SHOP_DB"
query = "SELECT id, amount, updated FROM orders WHERE updated > :cursor ORDER BY id"
cursor = "updated"
start = 0
mode = "append"
key = ["id"]
"""
)


@pytest.fixture
def shop(tmp_path, monkeypatch):
    database = sqlite3.connect(tmp_path / "shop.db")
    database.execute("CREATE TABLE orders (id INTEGER, amount REAL, updated INTEGER)")
    monkeypatch.setenv("SHOP_DB", f"sqlite:///{tmp_path / 'shop.db'}")

    def order(*rows):
        database.executemany("INSERT INTO orders VALUES (?, ?, ?)", rows)
        database.commit()

    order((1, 5.0, 10), (2, 7.5, 11))
    yield order
    database.close()


def arrivals(workspace):
    return [each.verb for each in list_events(workspace, limit=100) if each.verb != "person-introduced"]


def test_a_database_gives_what_came_since_the_cursor(project, shop):
    workspace = project(ORDERS)
    assert pull(workspace, "orders").rows == 2
    shop((3, 1.0, 12), (1, 99.0, 13))
    second = pull(workspace, "orders")
    assert (second.rows, second.total, second.version.ordinal) == (2, 3, 2)
    assert dict(load(workspace, second.version).select("id", "amount").iter_rows()) == {
        2: 7.5,
        3: 1.0,
        1: 99.0,
    }


def test_pulled_twice_is_pulled_once(project, shop):
    workspace = project(ORDERS)
    pull(workspace, "orders")
    before = arrivals(workspace)
    again = pull(workspace, "orders")
    assert (again.is_new, again.says, again.version.ordinal) == (False, "nothing new", 1)
    assert arrivals(workspace) == before
    assert list((workspace.home / "tmp").iterdir()) == []


def test_a_dry_run_tells_and_leaves_no_trace(project, shop):
    workspace = project(ORDERS)
    said = pull(workspace, "orders", dry_run=True)
    assert (said.is_new, said.rows, said.total, said.version) == (True, 2, 2, None)
    assert list_events(workspace) == []
    assert list(workspace.store.digests()) == []


def test_a_pull_that_ends_anywhere_has_happened_or_not(project, shop, monkeypatch):
    workspace = project(ORDERS)
    pull(workspace, "orders")
    shop((3, 1.0, 12))
    put_file, calls = workspace.store.put_file, []

    def dies(path):
        calls.append(put_file(path))
        raise KeyboardInterrupt

    monkeypatch.setattr(workspace.store, "put_file", dies)
    with pytest.raises(KeyboardInterrupt):
        pull(workspace, "orders")
    monkeypatch.undo()
    monkeypatch.setenv("SHOP_DB", f"sqlite:///{workspace.root.parent / 'shop.db'}")
    assert len(list_versions(workspace, name="orders")) == 1
    assert pull(workspace, "orders").total == 3


def test_of_two_at_once_one_is_recorded(project, shop):
    workspace = project(ORDERS)
    outcomes = []

    def one():
        try:
            outcomes.append(pull(workspace, "orders").is_new)
        except SourceMoved:
            outcomes.append(None)

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count(True) == 1
    assert arrivals(workspace) == ["dataset-arrived", "source-pulled"]


def test_a_version_that_breaks_the_contract_is_kept_and_cannot_train(project, shop):
    workspace = project(ORDERS)
    pull(workspace, "orders")
    shop((None, 1.0, 12))
    pulled = pull(workspace, "orders", dry_run=True)
    assert pulled.violations
    assert not pull(workspace, "orders").version.is_trainable


@pytest.mark.parametrize(
    ("query", "error", "said"),
    [
        ("SELECT colour FROM orders WHERE updated > :cursor", QueryFailed, "no such column"),
        ("SELECT id FROM orders WHERE updated > :cursor", QueryFailed, "no column 'updated'"),
        (
            "SELECT id, id, updated FROM orders WHERE updated > :cursor",
            QueryFailed,
            "two columns of the name 'id'",
        ),
    ],
)
def test_a_query_that_fails_says_why(project, shop, query, error, said):
    toml = ORDERS.replace("SELECT id, amount, updated FROM orders WHERE updated > :cursor ORDER BY id", query)
    with pytest.raises(error, match=said):
        pull(project(toml), "orders")


def test_an_address_is_never_told(project, monkeypatch):
    workspace = project(ORDERS)
    with pytest.raises(SourceUnset, match="SHOP_DB"):
        pull(workspace, "orders")
    for address in ("postgresql+psycopg://u:hunter2@127.0.0.1:1/db", "nosuch://u:hunter2@h/db", "hunter2"):
        monkeypatch.setenv("SHOP_DB", address)
        with pytest.raises(SourceUnreachable) as refused:
            pull(workspace, "orders")
        assert "hunter2" not in str(refused.value) + str(refused.value.facts)


def test_an_unknown_source_is_not_found(workspace):
    with pytest.raises(SourceNotFound, match="nowhere"):
        pull(workspace, "nowhere")


def web(site, more=""):
    url = f"{site.url}/rates.csv?key=secret"
    return f'{HEAD}[source.rates]\nkind = "http"\nurl = "{url}"\nallow_private = true\n{more}'


def test_an_address_is_fetched_again_only_when_it_changed(project, site):
    workspace = project(web(site))
    site.files["/rates.csv"] = b"a,b\n1,2\n"
    first = pull(workspace, "rates")
    assert workspace.store.read(first.version.version) == b"a,b\n1,2\n"
    assert not pull(workspace, "rates").is_new
    site.files["/rates.csv"] = b"a,b\n1,2\n3,4\n"
    assert pull(workspace, "rates").total == 2
    assert [status for _, _, status in site.asked] == [200, 304, 200]
    assert "secret" not in (first.version.source or "")


def test_a_token_comes_from_the_environment(project, site, monkeypatch):
    workspace = project(web(site, 'token_env = "RATES_TOKEN"\n'))
    site.files["/rates.csv"], site.token = b"a\n1\n", "t0p"
    with pytest.raises(SourceUnset, match="RATES_TOKEN"):
        pull(workspace, "rates")
    monkeypatch.setenv("RATES_TOKEN", "t0p")
    assert pull(workspace, "rates").is_new


def test_private_addresses_missing_files_and_long_ones_are_refused(project, site):
    site.files["/rates.csv"] = b"a,b\n1,2\n"
    with pytest.raises(AddressRefused, match=r"not a public address") as refused:
        pull(project(web(site).replace("allow_private = true\n", "")), "rates")
    assert "[source.rates]" in refused.value.next_step
    with pytest.raises(NotFetched, match="longer than 3 bytes"):
        pull(project(web(site, "max_bytes = 3\n")), "rates")
    del site.files["/rates.csv"]
    with pytest.raises(NotFetched, match="status 404"):
        pull(project(web(site)), "rates")


def test_files_that_are_new_are_appended_or_all_of_them_replace(project, tmp_path):
    for mode, total in (("append", 3), ("replace", 2)):
        workspace = project(f'{HEAD}[source.drops]\nkind = "file"\npath = "drop/*.csv"\nmode = "{mode}"\n')
        drop = workspace.root / "drop"
        drop.mkdir()
        (drop / "1.csv").write_text("a,b\n1,2\n")
        assert pull(workspace, "drops").total == 1
        (drop / "2.csv").write_text("a,b\n3,4\n")
        assert pull(workspace, "drops").total == 2
        (drop / "1.csv").write_text("a,b\n9,9\n")
        assert pull(workspace, "drops").total == total
        assert not pull(workspace, "drops").is_new


def test_a_bucket_gives_its_new_objects(project, s3, bucket):
    toml = f'{HEAD}[source.logs]\nkind = "s3"\nurl = "s3://shop/logs/"\nendpoint = "{s3}"\nmode = "append"\n'
    workspace = project(toml)
    bucket.put("logs/1.csv", b"a,b\n1,2\n")
    bucket.put("other/2.csv", b"a,b\n7,7\n")
    assert pull(workspace, "logs").total == 1
    bucket.put("logs/2.jsonl", b'{"a": 3, "b": 4}\n')
    second = pull(workspace, "logs")
    assert (second.rows, second.total) == (1, 2)
    assert not pull(workspace, "logs").is_new


def test_an_edited_source_is_read_from_its_beginning(project, shop):
    workspace = project(ORDERS)
    pull(workspace, "orders")
    path = workspace.root / "ropeway.toml"
    path.write_text(ORDERS.replace("amount, updated FROM", "amount * 2 AS amount, updated FROM"))
    assert pull(workspace, "orders").rows == 2


def test_pulls_replay(project, shop):
    workspace = project(ORDERS)
    pull(workspace, "orders")
    before = last_pull(workspace, source="orders")
    with workspace.ledger.reading() as connection:
        rows = projected_rows(connection)
    workspace.ledger.rebuild()
    with workspace.ledger.reading() as connection:
        assert projected_rows(connection) == rows
    assert last_pull(workspace, source="orders") == before


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('kind = "sql"\nquery = "SELECT 1"', "needs `url_env`"),
        ('kind = "http"\nurl = "ftp://x/y.csv"', "begins with http"),
        ('kind = "http"\nurl = "https://me:pw@x/y.csv"', "does not belong into this file"),
        (
            'kind = "sql"\nurl_env = "postgres://u:p@h/d"\nquery = "SELECT 1"',
            "name of an environment variable",
        ),
        ('kind = "sql"\nurl_env = "X"\nquery = "SELECT 1 WHERE a > :cursor"', "both or none"),
        ('kind = "sql"\nurl_env = "X"\nquery = "SELECT 1"\nmode = "append"', "go together"),
        ('kind = "file"\npath = "../other/*.csv"', "within the project"),
        ('kind = "file"\npath = "x/*.csv"\nurl = "s3://b"', "means nothing for a source of kind 'file'"),
        ('kind = "ftp"', "cannot be 'ftp'"),
    ],
)
def test_a_source_that_cannot_be_meant_is_refused_with_its_place(project, lines, said):
    with pytest.raises(RopewayError, match=said):
        pull(project(f"{HEAD}[source.x]\n{lines}\n"), "x")
