import fcntl
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ropeway.store import SegmentWriter, claimed, is_abandoned, read_record, read_segment
from ropeway.store.errors import SegmentDamaged


def test_records_come_back_in_order_while_the_writer_lives(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path / "a.segment", b"head")
    assert [writer.append(b"one"), writer.append(b""), writer.append(b"three")] == [0, 1, 2]
    segment = read_segment(tmp_path / "a.segment")
    assert (segment.header, segment.records, segment.torn) == (b"head", [b"one", b"", b"three"], False)
    assert read_record(tmp_path / "a.segment", 2) == b"three"
    assert read_record(tmp_path / "a.segment", 3) is None
    writer.close()


@settings(max_examples=30, deadline=None)
@given(records=st.lists(st.binary(max_size=50), min_size=1, max_size=8), data=st.data())
def test_a_segment_cut_anywhere_gives_its_whole_records(
    tmp_path_factory: pytest.TempPathFactory, records: list[bytes], data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("s") / "a.segment"
    writer = SegmentWriter(path, b"head")
    start = writer.size_bytes
    for record in records:
        writer.append(record)
    writer.close()
    cut = data.draw(st.integers(min_value=start, max_value=path.stat().st_size))
    os.truncate(path, cut)
    segment = read_segment(path)
    assert segment.records == records[: len(segment.records)]
    whole = start + sum(8 + len(record) for record in segment.records)
    assert segment.torn == (whole < cut)


def test_a_segment_whose_writer_was_killed_is_abandoned_and_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.segment"
    code = (
        "import sys, time, pathlib\n"
        "from ropeway.store import SegmentWriter\n"
        "w = SegmentWriter(pathlib.Path(sys.argv[1]), b'h')\n"
        "for n in range(1000): w.append(b'%d' % n)\n"
        "print('ready', flush=True)\n"
        "time.sleep(60)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    assert not is_abandoned(path)
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    assert is_abandoned(path)
    assert read_segment(path).records == [b"%d" % number for number in range(1000)]


def test_a_full_disk_refuses_the_record_and_keeps_the_others(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib, resource, signal\n"
        "from ropeway.store import SegmentWriter\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "w = SegmentWriter(pathlib.Path(sys.argv[1]), b'h')\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))\n"
        "n = 0\n"
        "try:\n"
        "    while n < 1000: w.append(b'x' * 90); n += 1\n"
        "except Exception as error: print(type(error).__name__, n)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))\n"
        "w.append(b'last'); w.close()\n"
    )
    assert resource.RLIM_INFINITY == -1
    path = tmp_path / "a.segment"
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    name, count = done.stdout.split()
    assert name == "OutOfSpace"
    assert read_segment(path).records == [b"x" * 90] * int(count) + [b"last"]


def test_junk_is_not_a_segment(tmp_path: Path) -> None:
    (tmp_path / "a.segment").write_bytes(b"junk")
    with pytest.raises(SegmentDamaged, match="no sound header"):
        read_segment(tmp_path / "a.segment")


def test_a_claim_is_one_that_a_network_file_system_grants(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    SegmentWriter(tmp_path / "a.segment", b"head").close()
    # There a lock on the file is one on all of its bytes, and an exclusive one takes a file open for writing.
    monkeypatch.setattr(fcntl, "flock", fcntl.lockf)
    with claimed(tmp_path / "a.segment") as is_ours:
        assert is_ours
