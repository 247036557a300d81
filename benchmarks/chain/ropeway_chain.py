"""The chain in Ropeway; run by its own interpreter. Prints seconds: cold, cached."""

import json
import sys
import time
from pathlib import Path

from ropeway.data.add import add
from ropeway.pipelines.run import run_pipeline
from ropeway.testing import make_workspace

folder, steps, times = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
PROJECT = '[project]\nname = "chain"\n[inputs.rows]\ndataset = "numbers"\nkey = "id"\n'
source = (
    "from ropeway import step\n@step\ndef s0(rows) -> int:\n    return len(rows)\n"
    + "".join(f"@step\ndef s{n}(s{n - 1}: int) -> int:\n    return s{n - 1} + 1\n" for n in range(1, steps))
    # A pipeline must serve something; this step is not part of what is timed.
    + "@step(serve=True)\ndef answer(rows):\n    return rows\n"
)
numbers = folder / "numbers.csv"
numbers.write_text("id\n" + "\n".join(str(n) for n in range(100)) + "\n")
taken: dict[str, list[float]] = {"cold": [], "cached": []}

for number in range(times + 1):
    with make_workspace(
        folder / f"project-{number}", toml=PROJECT, files={"pipeline.py": source}
    ) as workspace:
        add(workspace, numbers, name="numbers")
        for name, seconds in taken.items():
            began = time.perf_counter()
            result = run_pipeline(workspace, only=[f"s{steps - 1}"])
            seconds.append(time.perf_counter() - began)
            states = {outcome.state for outcome in result.steps}
            assert len(result.steps) == steps, result.steps
            assert states == {"ran" if name == "cold" else "cached"}, states
# The first round is the warm-up.
print(json.dumps({name: values[1:] for name, values in taken.items()}))
