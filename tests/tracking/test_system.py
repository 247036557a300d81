"""How the machine does while a run lives."""

import threading

from ropeway.tracking.points import list_points
from ropeway.tracking.start import start_run
from ropeway.tracking.system import Gauge, Sampler, _is_disk
from ropeway.workspace import LocalWorkspace


def test_readings_are_shares_bytes_and_rates_of_this_machine():
    gauge = Gauge()
    found: dict[str, float] = {}
    # The system counts in hundredths of a second.
    while "system/cpu_percent" not in found or not found["system/process_cpu_percent"]:
        sum(range(300_000))
        found = gauge.read()
    assert all(name.startswith("system/") for name in found)
    assert 0 <= found["system/cpu_percent"] <= 100
    assert 0 < found["system/process_memory_bytes"] < found["system/memory_bytes"] * 100
    assert all(value >= 0 for value in found.values())


def test_a_run_has_readings_until_its_end_and_none_after(workspace: LocalWorkspace):
    with start_run(workspace) as run:
        came = threading.Event()
        run._sampler = Sampler(lambda readings: (run.log(**readings), came.set()), every_s=0.01)
        run._sampler.start()
        assert came.wait(60)
    assert not run._sampler.is_alive()
    keys = {point.key for point in list_points(workspace, run=run.id)}
    assert "system/process_memory_bytes" in keys


def test_a_disk_is_counted_once_and_not_again_by_its_parts():
    names = ["sda", "sda1", "nvme0n1", "nvme0n1p2", "vda", "vdaa", "loop0"]
    assert [name for name in names if _is_disk(name, names)] == ["sda", "nvme0n1", "vda", "vdaa"]
