"""What the stop of a disk does to a bare `write` and `fdatasync`, without any of our code.

`python -m tests.faults.bare FOLDER 150`: a process appends, syncs and says so on another disk, while the file
system is told to stop. What it says from then on is often not there, although the sync had succeeded: ext4
answers so, and a power cut would have let nobody speak. What was said before must be there.
"""

import random
import subprocess
import sys
import time
from pathlib import Path

from tests.faults.loopdisk import LoopDisk, loop_disk

BLOCK = 8192
WRITER = """
import os, sys
data, told = (os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND) for path in sys.argv[1:])
while True:
    os.write(data, b"x" * 8192)
    os.fdatasync(data)
    os.write(told, b".")
"""


def main() -> int:
    """Stop the disk so often; exit code 1 where something was lost that was said before the stop."""
    folder, cuts, chance = Path(sys.argv[1]), int(sys.argv[2]), random.Random(7)
    folder.mkdir(parents=True, exist_ok=True)
    lost_before = lost_after = 0
    with loop_disk(folder / "disk", folder / "disk.img") as disk:
        for number in range(cuts):
            before, said, kept = _cut(disk, folder / f"told-{number}", f"data-{number}", chance)
            lost_before += kept < before
            lost_after += before <= kept < said
    print(f"{cuts} stops: {lost_after} lost what was said after the stop, {lost_before} what was said before")
    return 1 if lost_before else 0


def _cut(disk: LoopDisk, told: Path, name: str, chance: random.Random) -> tuple[int, int, int]:
    """How many blocks were said to be there before the stop, in all, and how many are."""
    data = disk.folder / name
    writer = subprocess.Popen(
        [sys.executable, "-S", "-c", WRITER, str(data), str(told)], stderr=subprocess.DEVNULL
    )
    while not told.exists() or told.stat().st_size < 5:
        time.sleep(0.001)
    time.sleep(chance.uniform(0.0, 0.02))
    before = told.stat().st_size
    disk.stop()
    time.sleep(chance.uniform(0.0, 0.002))
    writer.kill()
    writer.wait()
    disk.come_back()
    kept = data.stat().st_size // BLOCK if data.exists() else 0
    return before, told.stat().st_size, kept


if __name__ == "__main__":
    sys.exit(main())
