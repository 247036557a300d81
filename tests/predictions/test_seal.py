"""Sealing: nothing lost, nothing twice, one event for each segment."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import polars as pl
import pytest
from tests.conftest import MakeProject
from tests.faults.disk import SmallDisk, mounted
from tests.predictions.test_segments import hurt
from tests.predictions.written import AT, HOUR, answer, answers, say, segments_of

from ropeway.core.ids import PersonId
from ropeway.keeping.operations import fsck
from ropeway.ledger.projections import projected_rows
from ropeway.ledger.tables import event
from ropeway.predictions.columns import KINDS
from ropeway.predictions.compact import SALT, unpack
from ropeway.predictions.errors import SealBroken
from ropeway.predictions.events import SegmentSealed
from ropeway.predictions.history import feedback, predictions, shadows
from ropeway.predictions.merkle import root_of
from ropeway.predictions.operations import seal_batch
from ropeway.predictions.record import ShadowRecord
from ropeway.predictions.seal import seal
from ropeway.predictions.sealed import SealedSegment, list_sealed, parquet_of
from ropeway.predictions.segments import read_lying
from ropeway.serving.log import PredictionLog
from ropeway.store.errors import OutOfSpace
from ropeway.testing import make_workspace
from ropeway.workspace import LocalWorkspace
from ropeway.workspace.errors import LeaseLost
from ropeway.workspace.lease import take_lease
from ropeway.workspace.operations import list_events


def sealed_of(workspace: LocalWorkspace, kind: str = "predictions") -> list[SealedSegment]:
    return list_sealed(workspace.home, kind)[0]


def events_of(workspace: LocalWorkspace) -> list[str]:
    return [each.subject for each in list_events(workspace, verb="segment-sealed")]


def test_each_segment_becomes_parquet_and_one_event_and_goes(workspace: LocalWorkspace) -> None:
    ids = answers(workspace.home, 3)
    say(workspace.home, ids[0], "no")
    done = seal(workspace)
    assert (done.segments, done.records, done.left, done.is_done) == (2, 4, [], True)
    assert list(workspace.home.rglob("*.seg")) == []
    (found,) = sealed_of(workspace)
    assert (found.records, found.models, found.environments) == (3, ["m@1"], ["production"])
    assert (found.first_at, found.last_at, found.torn, found.damaged) == (AT, AT + 2 * HOUR, False, False)
    assert len(events_of(workspace)) == 2


def test_every_record_and_the_header_stand_in_the_parquet_as_they_were_written(
    workspace: LocalWorkspace,
) -> None:
    ids = answers(workspace.home, 40, log={"columns": {"text": "hashed"}}, entity="c7", carried={"id": 3})
    with PredictionLog(workspace.home) as log:
        log.add_shadow(ShadowRecord(of=ids[0], at=AT, model="m@2", prediction="no", rollout="r"))
    say(workspace.home, ids[0], "yes")
    before = {
        path.name + kind: read_lying(path) for kind in KINDS for path in segments_of(workspace.home, kind)
    }
    seal(workspace)
    for kind in KINDS:
        for each in sealed_of(workspace, kind):
            lying, unpacked = before.pop(each.file_name + kind), unpack(workspace.home, each)
            assert unpacked.records == [record for _, record in lying.records]
            assert unpacked.header == lying.header_bytes
    assert before == {}


def test_the_root_is_recomputed_with_the_salt_that_only_the_parquet_has(workspace: LocalWorkspace) -> None:
    answers(workspace.home, 3)
    (path,) = segments_of(workspace.home)
    lying = read_lying(path)
    seal(workspace)
    (found,) = sealed_of(workspace)
    salt = pl.read_parquet_metadata(parquet_of(workspace.home, found))[SALT]
    leaves = [lying.header_bytes, *(record for _, record in lying.records)]
    assert root_of(bytes.fromhex(salt), leaves) == found.root
    (told,) = list_events(workspace, verb="segment-sealed")
    assert salt not in msgspec.json.encode(told.body).decode()


def test_a_living_writers_segment_stays_and_what_it_rotated_goes(workspace: LocalWorkspace) -> None:
    with PredictionLog(workspace.home, segment_bytes=1_500) as log:
        ids = [answer(log, number) for number in range(20)]
        log.flush()
        assert seal(workspace).segments > 1
        assert len(segments_of(workspace.home)) == 1
        assert predictions(workspace)["id"].to_list() == ids
    assert seal(workspace).segments == 1
    assert predictions(workspace)["id"].to_list() == ids


def test_an_empty_segment_goes_without_an_event(workspace: LocalWorkspace) -> None:
    with PredictionLog(workspace.home) as log:
        log.open()
    assert seal(workspace).segments == 0
    assert segments_of(workspace.home) == []
    assert events_of(workspace) == []


def test_sealing_again_does_nothing(workspace: LocalWorkspace) -> None:
    answers(workspace.home, 3)
    seal(workspace)
    assert seal(workspace).segments == 0
    assert len(events_of(workspace)) == 1


def test_what_is_sound_in_a_damaged_segment_is_kept_and_so_is_the_file(workspace: LocalWorkspace) -> None:
    ids = answers(workspace.home, 5)
    (path,) = segments_of(workspace.home)
    hurt(path, read_lying(path).records[2][1])
    as_it_lay = path.read_bytes()
    seal(workspace)
    (told,) = list_events(workspace, verb="segment-sealed")
    assert (told.body["damaged"], told.body["records"], told.body["unplaced"]) == (True, 4, 0)
    assert workspace.store.read(told.body["original"]) == as_it_lay
    assert predictions(workspace)["id"].to_list() == [*ids[:2], *ids[3:]]
    assert fsck(workspace).is_sound


def test_records_whose_ids_are_lost_are_kept_under_none_that_was_given(workspace: LocalWorkspace) -> None:
    ids = answers(workspace.home, 5)
    (path,) = segments_of(workspace.home)
    hurt(path, read_lying(path).records[2][1], length_too=True)
    seal(workspace)
    (told,) = list_events(workspace, verb="segment-sealed")
    assert (told.body["records"], told.body["unplaced"]) == (4, 2)
    found = predictions(workspace)
    assert found["id"].to_list()[:2] == ids[:2]
    assert not {*found["id"].to_list()[2:]} & {*ids}
    assert found["inputs"].to_list()[3] == '{"text":"row 4"}'


def test_a_torn_end_is_told_and_nothing_else_of_it(workspace: LocalWorkspace) -> None:
    answers(workspace.home, 3)
    (path,) = segments_of(workspace.home)
    path.write_bytes(path.read_bytes()[:-2])
    seal(workspace)
    (found,) = sealed_of(workspace)
    assert (found.records, found.torn, found.damaged) == (2, True, False)


def test_a_segment_that_nobody_can_read_stays_and_holds_nothing_up(workspace: LocalWorkspace) -> None:
    answers(workspace.home, 2)
    bad = workspace.home / "segments" / "predictions" / "00000000-1.seg"
    bad.write_bytes(b"nothing of the kind")
    copy = bad.with_name("00000000-2.seg")
    copy.write_bytes(segments_of(workspace.home)[-1].read_bytes())
    for sealed in (1, 0):
        done = seal(workspace)
        assert done.segments == sealed
        assert [each.segment for each in done.left] == [bad.name, copy.name]
    assert segments_of(workspace.home) == [bad, copy]
    assert predictions(workspace).height == 2


def test_a_file_that_came_back_counts_once_and_goes_again(workspace: LocalWorkspace) -> None:
    answers(workspace.home, 3)
    (path,) = segments_of(workspace.home)
    data = path.read_bytes()
    seal(workspace)
    path.write_bytes(data)
    assert predictions(workspace).height == 3
    assert seal(workspace).segments == 0
    assert not path.exists()


def test_a_file_stays_while_its_parquet_is_hurt(workspace: LocalWorkspace) -> None:
    answers(workspace.home, 3)
    (path,) = segments_of(workspace.home)
    seal_batch(workspace)
    (found,) = sealed_of(workspace)
    parquet = parquet_of(workspace.home, found)
    parquet.chmod(0o600)
    parquet.write_bytes(b"x" + parquet.read_bytes()[1:])
    (left,) = seal(workspace).left
    assert (left.segment, path.exists()) == (path.name, True)
    assert "damaged" in left.why
    assert predictions(workspace).height == 3


def test_a_file_with_other_records_than_were_sealed_stays(workspace: LocalWorkspace) -> None:
    answers(workspace.home, 3)
    (path,) = segments_of(workspace.home)
    data = path.read_bytes()
    seal(workspace)
    path.write_bytes(data[:-3])
    assert [each.why for each in seal(workspace).left] == [SealBroken("predictions", path.name).what]
    assert any("stays" in each.what for each in fsck(workspace).findings)


def test_many_segments_are_sealed_in_few_transactions(workspace: LocalWorkspace) -> None:
    ids = answers(workspace.home, 70, log={"segment_bytes": 100})
    assert seal(workspace).segments == 70
    assert predictions(workspace)["id"].to_list() == ids


def test_sealers_at_once_seal_each_segment_once(project: MakeProject) -> None:
    workspace = project()
    ids = answers(workspace.home, 40, log={"segment_bytes": 100})
    others = [LocalWorkspace(workspace.root, actor=f"sealer {number}") for number in range(3)]
    done = []
    threads = [threading.Thread(target=lambda each=each: done.append(seal(each))) for each in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for each in others:
        each.close()
    assert (len(done), sum(each.segments for each in done), sum(each.records for each in done)) == (3, 40, 40)
    subjects = events_of(workspace)
    assert len(subjects) == len(set(subjects)) == 40
    seal(workspace)
    assert list(workspace.home.rglob("*.seg")) == []
    assert predictions(workspace)["id"].to_list() == ids


def test_reading_while_others_seal_sees_each_record_once(project: MakeProject) -> None:
    workspace = project()
    ids = answers(workspace.home, 60, log={"segment_bytes": 100})
    sealer = threading.Thread(target=seal, args=[workspace])
    sealer.start()
    while sealer.is_alive():
        assert predictions(workspace)["id"].to_list() == ids
    sealer.join()
    assert predictions(workspace)["id"].to_list() == ids


def test_what_is_sealed_between_a_readers_look_and_its_reading_is_read(workspace: LocalWorkspace) -> None:
    ids = answers(workspace.home, 5, log={"segment_bytes": 100})
    # A pipe that stands first holds the reader up after its look, until somebody has written to it.
    pipe = workspace.home / "segments" / "predictions" / "00000000-1.seg"
    os.mkfifo(pipe)
    found: list[str] = []
    reader = threading.Thread(target=lambda: found.extend(predictions(workspace)["id"]))
    reader.start()
    with pipe.open("wb"):
        pipe.unlink()
        assert seal(workspace).segments == 5
        assert list(workspace.home.rglob("*.seg")) == []
    reader.join()
    assert found == ids


def test_a_sealer_that_lost_its_lease_seals_nothing(workspace: LocalWorkspace) -> None:
    answers(workspace.home, 3)
    lease = take_lease(workspace, "controller")
    fenced = workspace.fenced(lease)
    lease.release()
    with take_lease(workspace, "controller"), pytest.raises(LeaseLost, match="controller"):
        seal(fenced)
    fenced.close()
    assert events_of(workspace) == []
    assert predictions(workspace).height == 3


def test_a_replay_knows_the_sealed_segments_again(workspace: LocalWorkspace) -> None:
    ids = answers(workspace.home, 30, log={"segment_bytes": 900})
    say(workspace.home, ids[0], "no")
    seal(workspace)
    with workspace.ledger.reading() as connection:
        before = projected_rows(connection)
    assert len(before["sealed_segment"]) > 3
    workspace.ledger.rebuild()
    with workspace.ledger.reading() as connection:
        assert projected_rows(connection) == before


def test_fsck_finds_a_root_that_is_not_that_of_the_records(workspace: LocalWorkspace) -> None:
    answers(workspace.home, 3)
    seal(workspace)
    (found,) = sealed_of(workspace)
    assert fsck(workspace).segments == 1
    forged = SegmentSealed(
        kind="predictions",
        replica=found.replica,
        segment=99,
        records=3,
        models=["m@1"],
        environments=[],
        first_at=AT,
        last_at=AT,
        root="00" * 32,
        content=found.content,
    )
    with workspace.ledger.transaction() as transaction:
        transaction.append(forged, actor=PersonId("person_x"))
    (finding,) = fsck(workspace).findings
    assert "not those that were sealed" in finding.what
    assert finding.named_by == [forged.subject()]


def test_fsck_names_the_event_that_misses_its_parquet_once(workspace: LocalWorkspace) -> None:
    answers(workspace.home, 3)
    seal(workspace)
    (found,) = sealed_of(workspace)
    parquet_of(workspace.home, found).unlink()
    (finding,) = fsck(workspace).findings
    assert "is not in the store" in finding.what
    assert "segment-sealed" in finding.named_by[0]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with mounted(tmp_path / "disk", megabytes=16) as found:
        if isinstance(found, str):
            pytest.skip(found)
        yield found


def test_on_a_full_disk_segments_stay_and_are_sealed_later(disk: SmallDisk) -> None:
    with make_workspace(disk.folder / "p") as workspace:
        ids = answers(workspace.home, 200, row={"text": "long " * 500}, log={"segment_bytes": 100_000})
        files = segments_of(workspace.home)
        disk.fill(leave=0)
        for _ in range(2):
            with pytest.raises(OutOfSpace, match="No space is left"):
                seal(workspace)
        assert segments_of(workspace.home) == files
        disk.empty()
        assert seal(workspace).records == 200
        assert predictions(workspace)["id"].to_list() == ids
        assert fsck(workspace).is_sound


def test_nothing_logged_is_nothing_to_seal(workspace: LocalWorkspace) -> None:
    assert seal(workspace).segments == 0
    assert predictions(workspace).height == feedback(workspace).height == shadows(workspace).height == 0
    with workspace.ledger.reading() as connection:
        assert connection.execute(event.select()).first() is None
