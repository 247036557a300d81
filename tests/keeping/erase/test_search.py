"""What an erasure could not look into is named, with its reason; what can be read of it is searched."""

import gzip
import io
import json
import zipfile

import polars as pl
import pytest
from backports import zstd
from tests.keeping.erase.test_rows import bring

from ropeway.cli.main import main
from ropeway.keeping.erase import needles as looking
from ropeway.keeping.erase.needles import Needles
from ropeway.keeping.erase.operations import erase_rows, show_erasure
from ropeway.testing import make_workspace
from ropeway.tracking.start import start_run

CANARY = "Zora Canary"
PEOPLE = '[project]\nname = "trial"\n[inputs.rows]\ndataset = "people"\nkey = "id"\n'


def zipped(*members: str | bytes, method: int = zipfile.ZIP_DEFLATED) -> bytearray:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as file:
        for number, member in enumerate(members):
            file.writestr(f"m{number}", member)
    return bytearray(packed.getvalue())


def encrypted(data: bytearray, member: int) -> bytes:
    """With the flag of encryption on one member, in its own head and in the directory."""
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = -1
        for _ in range(member):
            at = data.index(magic, at + 1)
        data[at + offset] |= 1
    return bytes(data)


def look(data: bytes) -> looking.Looked:
    return Needles([CANARY]).look(bytes(data))


def test_a_member_that_cannot_be_read_is_named_and_the_others_are_searched():
    assert look(encrypted(zipped("one", "two", "three"), 2)) == (False, ["member 2 of 3: it is encrypted"])
    assert look(encrypted(zipped("one", "two", f"of {CANARY}"), 2)).found
    torn = zipped(b"plain text" * 90, f"of {CANARY}", method=zipfile.ZIP_STORED)
    torn[40] ^= 1
    assert look(torn).found
    torn = zipped(b"plain text" * 90, "of nobody")
    torn[45] ^= 0xFF
    assert look(torn).unsearched == ["member 1 of 2: it is damaged"]


def test_what_is_packed_otherwise_cut_off_or_no_table_is_named():
    frame = io.BytesIO()
    pl.DataFrame({"a": ["b"] * 100}).write_parquet(frame)
    said = {
        "it is zstd, which is not unpacked here": zstd.compress(b"of Zora"),
        "member 1 of 1: it is xz, which is not unpacked here": zipped(b"\xfd7zXZ\x00" + b"x" * 99),
        "its ZIP directory cannot be read": zipped("x")[:40],
        "it is damaged": gzip.compress(b"of Zora" * 99)[:30],
        "its Parquet cannot be read": frame.getvalue()[:60] + frame.getvalue()[70:],
        "member 1 of 1: it is encrypted": gzip.compress(encrypted(zipped("x"), 1)),
    }
    assert {each: look(data) for each, data in said.items()} == {each: (False, [each]) for each in said}


def test_packed_over_and_over_is_named():
    data = CANARY.encode()
    for _ in range(looking.DEEPEST):
        data = gzip.compress(data)
    assert look(data).found
    assert look(gzip.compress(data)).unsearched == ["it is packed more than 4 times over"]


def test_a_bomb_is_unpacked_so_far_and_named(monkeypatch):
    monkeypatch.setattr(looking, "MOST_UNPACKED_BYTES", 4 << 20)
    bomb = zipped(bytes(8 << 20), "small", bytes(8 << 20))
    reasons = look(bomb).unsearched
    assert reasons[0] == "member 1 of 3: it unpacks to more than is unpacked here"
    assert reasons[1].startswith("member 2 of 3: with it more than")
    assert look(gzip.compress(bytes(8 << 20))).unsearched == ["it unpacks to more than is unpacked here"]
    assert look(zipped(bytes(3 << 20), f"and {CANARY}")).found, "a member is searched for its size no less"
    edge = bytes(looking.PIECE_BYTES - 3) + CANARY.encode()
    assert look(zipped(edge)).found, "also where it stands in two pieces"


def test_many_parts_are_told_in_few_words():
    reasons = look(zipped(*(gzip.compress(b"x" * 99)[:-12] for _ in range(40)))).unsearched
    assert len(reasons) == looking.MOST_SAID + 1
    assert reasons[-1] == "and 35 more such parts"


@pytest.fixture(scope="module")
def erased(tmp_path_factory):
    """A project with an artifact of which a part is encrypted, and a row erased in it."""
    workspace = make_workspace(tmp_path_factory.mktemp("erased"), toml=PEOPLE)
    bring(workspace, [(1, "Ana", "likes trains"), (2, CANARY, f"says {CANARY} a lot")])
    locked = encrypted(zipped("one", f"of {CANARY}"), 2)
    (workspace.root / "locked.zip").write_bytes(locked)
    with start_run(workspace, name="first") as run:
        run.artifact("locked.zip", locked)
    said = erase_rows(workspace, dataset="people", keys=["2"], dry_run=True)
    return workspace, said, erase_rows(workspace, dataset="people", keys=["2"])


def test_the_certificate_and_the_dry_run_name_what_could_not_be_searched(erased):
    workspace, said, done = erased
    kept = show_erasure(workspace, name=done.id).certificate
    for plan in (said.plan, done.plan, kept.plan):
        (each,) = plan.unsearched
        assert each.why == "member 2 of 2: it is encrypted"
        assert each.needed_by
        assert all("run:" in line for line in each.needed_by)
        assert workspace.store.has(each.digest)
        assert any("'locked.zip' could not be searched" in line for line in plan.unreached)


def test_people_and_programs_are_told_of_it(erased, capsys):
    workspace, _, done = erased
    (each,) = done.plan.unsearched
    for words in ([], ["--json"]):
        with pytest.raises(SystemExit):
            main(["erase", "show", done.id, *words, "-C", str(workspace.root)])
    shown, _, told = capsys.readouterr().out.partition("\n{")
    assert f"{each.digest[:12]} (needed by event" in shown
    assert "could not be searched" in shown
    assert json.loads("{" + told)["certificate"]["plan"]["unsearched"][0]["digest"] == each.digest
