"""Erasing from afar: done at the server, where not even the question is left."""

from tests.keeping.erase.test_values import CANARY, files_with

from ropeway.data.add import add
from ropeway.data.operations import resolve_version
from ropeway.keeping.erase.operations import erase_rows, show_erasure
from ropeway.keeping.operations import fsck


def test_rows_are_erased_at_the_server_and_so_is_who_was_asked_for(serve, caller):
    server = serve()
    ana = caller(server.url, **{"people.csv": f"id,text\na,fine\n{CANARY},odd\n"})
    add(ana, ana.root / "people.csv", name="people", key=["id"])
    assert files_with(server.root / ".ropeway", CANARY)
    done = erase_rows(ana, dataset="people", keys=[CANARY], request="R-17")
    assert show_erasure(ana, name=done.id).certificate is not None
    assert resolve_version(ana, reference="people").rows == 1
    assert files_with(server.root / ".ropeway", CANARY) == []
    assert fsck(ana).is_sound
