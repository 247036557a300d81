"""Holding a server, and then its workspace, to what clients were told: it is there once, and no more is."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
from tests.faults.oracle import problems_of
from tests.faults.tracks.logger import API, FILES, Logged, Logger, Point
from tests.faults.tracks.real import RealLogger

from ropeway.keeping.audit.operations import verify_history
from ropeway.workspace import LocalWorkspace


def problems_over_http(client: httpx.Client, loggers: Iterable[Logger | RealLogger]) -> list[str]:
    """What a client of MLflow's would miss, or see twice."""
    runs = [run for logger in loggers for run in logger.runs]
    problems = [problem for logged in runs for problem in _of_run(client, logged)]
    listed = Counter(_all_runs(client))
    known = {logged.run for logged in runs}
    problems += [f"run {run} is listed {listed[run]} times" for run in known if listed[run] != 1]
    begun_again = sum(logger.begun_again for logger in loggers)
    extra = len(listed.keys() - known)
    if extra > begun_again:
        problems.append(f"{extra} runs that nobody was told of, after {begun_again} that were begun again")
    return problems


def problems_of_workspace(root: Path) -> list[str]:
    """What is wrong by the workspace's own account: sequence, fsck, replay, and the tree over its history."""
    with LocalWorkspace(root, actor="ana") as workspace:
        report = verify_history(workspace)
        return problems_of(workspace) + [f"audit: {each.what}" for each in report.findings]


def _all_runs(client: httpx.Client) -> Iterable[str]:
    token = ""
    while True:
        asked = {"experiment_ids": ["0"], "max_results": 500, "page_token": token, "run_view_type": "ALL"}
        page = client.post(f"{API}runs/search", json=asked).raise_for_status().json()
        yield from (each["info"]["run_id"] for each in page.get("runs", []))
        token = page.get("next_page_token", "")
        if not token:
            return


def _of_run(client: httpx.Client, logged: Logged) -> list[str]:
    run = client.get(f"{API}runs/get", params={"run_id": logged.run}).raise_for_status().json()["run"]
    problems = [*_of_points(client, logged, run["data"].get("metrics", [])), *_of_files(client, logged)]
    params = {each["key"]: each["value"] for each in run["data"].get("params", [])}
    tags = {each["key"]: each["value"] for each in run["data"].get("tags", [])}
    for noun, told, found in (("param", logged.params, params), ("tag", logged.tags, tags)):
        problems += [
            f"{noun} {key} is {found.get(key)!r}" for key, value in told.items() if found.get(key) != value
        ]
        if noun == "param" and len(found) != len(told):
            problems.append(f"{len(found)} params where {len(told)} were told")
    if run["info"]["status"] != logged.status:
        problems.append(f"it is {run['info']['status']}, and was told to be {logged.status}")
    return [f"run {logged.run}: {problem}" for problem in problems]


def _of_points(client: httpx.Client, logged: Logged, latest: list[dict[str, Any]]) -> list[str]:
    found: Counter[Point] = Counter()
    for key in sorted({point[0] for point in logged.points}):
        told = client.get(f"{API}metrics/get-history", params={"run_id": logged.run, "metric_key": key})
        for each in told.raise_for_status().json().get("metrics", []):
            found[each["key"], int(each["step"]), int(each["timestamp"]), _shown(each["value"])] += 1
    problems = []
    if missing := logged.points - found.keys():
        problems.append(f"{len(missing)} of {len(logged.points)} points are lost, such as {min(missing)}")
    if extra := found.keys() - logged.points:
        problems.append(f"{len(extra)} points that nobody logged, such as {min(extra)}")
    if doubled := [point for point, times in found.items() if times > 1]:
        problems.append(f"{len(doubled)} points are there twice, such as {doubled[0]}")
    last = {point[0]: point for point in sorted(logged.points, key=lambda point: point[1])}
    shown = {
        each["key"]: (each["key"], int(each["step"]), int(each["timestamp"]), _shown(each["value"]))
        for each in latest
    }
    if shown != last:
        problems.append(f"the last values are {shown}, not {last}")
    return problems


def _shown(value: float | str) -> str:
    return value if isinstance(value, str) else repr(float(value))


def _of_files(client: httpx.Client, logged: Logged) -> list[str]:
    place = f"0/{logged.run}/artifacts"
    names = _names(client, place, "")
    problems = (
        []
        if sorted(names) == sorted(logged.files)
        else [f"its files are {names}, not {sorted(logged.files)}"]
    )
    for name, data in logged.files.items():
        kept = client.get(f"{FILES}{place}/{quote(name)}")
        if (kept.status_code, kept.content) != (200, data):
            problems.append(
                f"file {name} is {kept.status_code} with {len(kept.content)} bytes, not {len(data)}"
            )
    return problems


def _names(client: httpx.Client, place: str, folder: str) -> list[str]:
    told = (
        client.get(FILES.rstrip("/"), params={"path": f"{place}/{folder}".rstrip("/")})
        .raise_for_status()
        .json()
    )
    names = []
    for each in told.get("files", []):
        path = f"{folder}/{each['path']}".lstrip("/")
        names += _names(client, place, path) if each["is_dir"] else [path]
    return names
