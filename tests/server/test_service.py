"""`ropeway server` as a process: its start, its stop, and jobs that it did not live to end."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ropeway.core.ids import JobId
from ropeway.members.operations import add_member
from ropeway.server.jobs import JobRunner, accept_job
from ropeway.server.operations import get_job
from ropeway.testing import make_workspace
from ropeway.workspace import LocalWorkspace


@pytest.fixture
def root(tmp_path: Path) -> Path:
    make_workspace(tmp_path).close()
    return tmp_path


def command(root: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "ropeway.cli", "server", "--port", "0", "--json", "-C", str(root), *options]


@pytest.fixture
def served(root: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    process = subprocess.Popen(command(root), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    said = ""
    while not said.endswith("}\n"):
        line = process.stdout.readline()
        assert line, process.communicate()
        said += line
    yield process, json.loads(said)["url"]
    if process.poll() is None:
        process.kill()
    process.communicate()


def test_the_command_serves_every_operation_and_stops_cleanly(
    served: tuple[subprocess.Popen[str], str],
) -> None:
    process, url = served
    document = httpx.get(f"{url}/openapi.json").json()
    assert "/api/v1/ledger.events" in document["paths"]
    assert httpx.get(f"{url}/docs").status_code == 200
    with httpx.stream("GET", f"{url}/api/v1/ledger.follow", timeout=30) as stream:
        lines = stream.iter_lines()
        next(lines)
        process.send_signal(signal.SIGTERM)
        # An open stream neither holds the stop up, nor is it cut: it ends.
        assert list(lines) == [""]
    assert process.wait(timeout=20) == 0
    assert process.stderr.read() == ""


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--host", "0.0.0.0"], "auth-required"),
        (["--host", "example.com"], "auth-required"),
        (["--allow-host", "ropeway.example.com"], "auth-required"),
    ],
)
def test_without_members_the_command_listens_on_loopback_only(
    root: Path, options: list[str], code: str
) -> None:
    done = subprocess.run(command(root, *options), capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 3
    assert json.loads(done.stdout)["error"]["code"] == code


def test_with_members_it_listens_elsewhere_and_says_that_tokens_need_tls(root: Path) -> None:
    with LocalWorkspace(root, actor="ana") as workspace:
        add_member(workspace, name="ana", role="admin")
    words = [word for word in command(root, "--host", "0.0.0.0") if word != "--json"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    url = process.stdout.readline().split("/docs")[0].replace("0.0.0.0", "127.0.0.1")
    assert httpx.get(f"{url}/health").status_code == 200
    assert httpx.get(f"{url}/openapi.json").status_code == 401
    assert httpx.get(f"{url}/health", headers={"host": "evil.com"}).status_code == 421
    process.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=20)[1]
    assert "members only" in said
    assert "put TLS before it" in said


def test_a_job_whose_server_died_reads_interrupted_after_a_restart(root: Path) -> None:
    script = (
        "import os, sys, time\n"
        "from ropeway.server.jobs import JobRunner\n"
        "from ropeway.workspace import Context, Operation, open_workspace\n"
        "def sleep(context: Context) -> int:\n"
        "    time.sleep(60)\n"
        "    return 1\n"
        "runner = JobRunner(open_workspace(sys.argv[1]))\n"
        "print(runner.submit(Operation('trial.sleep', 'job', 'trial:x', sleep), {}, None), flush=True)\n"
        "time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(root)], stdout=subprocess.PIPE, text=True)
    job = JobId(process.stdout.readline().strip())
    with LocalWorkspace(root, actor="ana") as workspace:
        assert get_job(workspace, job=job).state == "running"
        process.kill()
        process.communicate()
        assert get_job(workspace, job=job).state == "interrupted"


def test_jobs_survive_a_rebuild_of_the_tables(workspace: LocalWorkspace) -> None:
    runner = JobRunner(workspace)
    accept_job(workspace, job="job_x", operation="trial.work", server=runner.server, arguments={"a": 1})
    workspace.ledger.rebuild()
    assert get_job(workspace, job=JobId("job_x")).state == "running"
    runner.close()
    assert get_job(workspace, job=JobId("job_x")).state == "interrupted"
