"""The chain in hamilton; run by its own interpreter. Prints seconds: without cache, cold cache, cached."""

import json
import shutil
import sys
import time
import types
from pathlib import Path

from hamilton import driver

folder, steps, times = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
source = "def s0(start: int) -> int:\n    return start + 1\n" + "".join(
    f"def s{n}(s{n - 1}: int) -> int:\n    return s{n - 1} + 1\n" for n in range(1, steps)
)
(folder / "chain_module.py").write_text(source)
sys.path.insert(0, str(folder))
import chain_module  # noqa: E402

assert isinstance(chain_module, types.ModuleType)
taken: dict[str, list[float]] = {"uncached": [], "cold": [], "cached": []}
plain = driver.Builder().with_modules(chain_module).build()


def timed(name: str, run: driver.Driver) -> None:
    began = time.perf_counter()
    found = run.execute([f"s{steps - 1}"], inputs={"start": 0})
    taken[name].append(time.perf_counter() - began)
    assert found[f"s{steps - 1}"] == steps


for number in range(times + 1):
    timed("uncached", plain)
    home = folder / f"cache-{number}"
    cached = driver.Builder().with_modules(chain_module).with_cache(path=str(home)).build()
    timed("cold", cached)
    timed("cached", cached)
    shutil.rmtree(home, ignore_errors=True)
# The first round is the warm-up.
print(json.dumps({name: values[1:] for name, values in taken.items()}))
