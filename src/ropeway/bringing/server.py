"""A tracking server, asked as MLflow's client asks it: that address alone, and no redirect is followed."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from ropeway.bringing.errors import NoStoreThere, OutOfReach, StoreUnreachable
from ropeway.bringing.report import BESIDES, LeftOut
from ropeway.bringing.told import (
    MODEL_STATUS,
    STATUS,
    Owner,
    ToldEntry,
    ToldExperiment,
    ToldFile,
    ToldModel,
    ToldPoints,
    ToldRun,
    ToldVersion,
)
from ropeway.core.errors import RopewayError
from ropeway.tracking.afar.batch import Figure
from ropeway.tracking.afar.events import DatasetUse, ModelOutput
from ropeway.tracking.afar.files import check_path

API = "/api/2.0/mlflow/"
FILES = "/api/2.0/mlflow-artifacts/artifacts"
PROXY = "mlflow-artifacts:/"
PAGE = 1000
POINTS = 20_000
IS_PROMPT = "mlflow.prompt.is_prompt"
ARE_PROMPTS = f"tags.`{IS_PROMPT}` = 'true'"
TIMEOUT_S = 60.0
BLOCK_BYTES = 1 << 20
DEEPEST = 64
LARGEST_ANSWER = 256 << 20
"""No page of anything has more bytes."""
MOST_EMPTY = 1000
"""So many pages in a row may say nothing but that there is another."""
MOST_FILES = 1_000_000
UNTOLD_BYTES = 64 << 30
"""A file whose length the server does not say is no longer."""
JUNK = (KeyError, TypeError, ValueError, AttributeError, OverflowError)
"""What reading an answer of another form raises."""


class ServerSource:
    """The store behind an address such as http://host:5000."""

    is_local = False

    def __init__(self, url: str) -> None:
        self.shown = _without_secret(url)
        token = os.environ.get("MLFLOW_TRACKING_TOKEN")
        self._client = httpx.Client(
            base_url=url.rstrip("/"),
            timeout=TIMEOUT_S,
            follow_redirects=False,
            # Only what was asked for: no proxy and no .netrc of the environment.
            trust_env=False,
            headers={"Authorization": f"Bearer {token}"} if token else {},
        )
        try:
            self._post("experiments/search", max_results=1)
        except StoreUnreachable as error:
            self.close()
            raise NoStoreThere(self.shown) from error

    def experiments(self) -> Iterator[ToldExperiment]:
        """Every experiment, deleted ones too."""
        for told in self._paged("experiments/search", "experiments", view_type="ALL"):
            yield ToldExperiment(
                id=str(told["experiment_id"]),
                name=str(told.get("name", "")),
                location=str(told.get("artifact_location", "")),
                is_deleted=told.get("lifecycle_stage") == "deleted",
                created_ms=int(told.get("creation_time", 0)),
                changed_ms=int(told.get("last_update_time", 0)),
                tags=_words(told.get("tags")),
            )

    def runs(self, experiment: ToldExperiment) -> Iterator[ToldRun]:
        """The runs of one, the one begun first first."""
        asked = {"experiment_ids": [experiment.id], "run_view_type": "ALL", "order_by": ["start_time ASC"]}
        for told in self._paged("runs/search", "runs", **asked):
            info, data = told["info"], told.get("data", {})
            used, made = told.get("inputs", {}), told.get("outputs", {})
            ended = info.get("end_time")
            yield ToldRun(
                id=str(info["run_id"]),
                experiment=experiment.id,
                name=str(info.get("run_name", "")),
                user=str(info.get("user_id", "")),
                status=STATUS.get(str(info.get("status")), "finished"),
                started_ms=int(info.get("start_time", 0)),
                ended_ms=None if ended is None else int(ended),
                is_deleted=info.get("lifecycle_stage") == "deleted",
                location=str(info.get("artifact_uri", "")),
                params=_words(data.get("params")),
                tags=_words(data.get("tags")),
                keys=sorted(str(each["key"]) for each in data.get("metrics", [])),
                datasets=[_dataset(each) for each in used.get("dataset_inputs", [])],
                models_in=[str(each["model_id"]) for each in used.get("model_inputs", [])],
                models_out=[
                    ModelOutput(model=str(each["model_id"]), step=int(each.get("step", 0)))
                    for each in made.get("model_outputs", [])
                ],
            )

    def points(self, run: ToldRun) -> Iterator[ToldPoints]:
        """The points of a run, a page at a time."""
        for key in run.keys:
            asked = {"run_id": run.id, "metric_key": key, "max_results": str(POINTS)}
            for found in self._pages("metrics", self._getting("metrics/get-history", asked)):
                yield ToldPoints(
                    key=key,
                    values=[float(each["value"]) for each in found],
                    times_ms=[int(each["timestamp"]) for each in found],
                    steps=[int(each.get("step", 0)) for each in found],
                )

    def models(self, experiment: ToldExperiment) -> Iterator[ToldModel]:
        """The logged models of an experiment; older servers know of none."""
        try:
            found = list(self._paged("logged-models/search", "models", experiment_ids=[experiment.id]))
        except StoreUnreachable:
            return
        for told in found:
            info, data = told["info"], told.get("data", {})
            yield ToldModel(
                id=str(info["model_id"]),
                experiment=experiment.id,
                name=str(info.get("name", "")),
                kind=str(info.get("model_type", "")),
                run=str(info.get("source_run_id", "")),
                status=MODEL_STATUS.get(str(info.get("status")), "pending"),
                is_deleted=False,
                created_ms=int(info.get("creation_timestamp_ms", 0)),
                changed_ms=int(info.get("last_updated_timestamp_ms", 0)),
                location=str(info.get("artifact_uri", "")),
                params=_words(data.get("params")),
                tags=_words(info.get("tags")),
                figures=_figures(str(info["model_id"]), data.get("metrics", [])),
            )

    def entries(self) -> Iterator[ToldEntry]:
        """The registered names, and the prompts, which are told to who asks for them alone."""
        found = list(self._paged_get("registered-models/search", "registered_models"))
        # A server that knows no prompts may refuse the question.
        with suppress(StoreUnreachable):
            found += self._paged_get("registered-models/search", "registered_models", filter=ARE_PROMPTS)
        for told in {str(each["name"]): each for each in found}.values():
            yield ToldEntry(
                name=str(told["name"]),
                description=str(told.get("description", "")),
                created_ms=int(told.get("creation_timestamp", 0)),
                changed_ms=int(told.get("last_updated_timestamp", 0)),
                tags=_words(told.get("tags")),
                aliases={str(each["alias"]): int(each["version"]) for each in told.get("aliases", [])},
            )

    def versions(self, entry: ToldEntry) -> Iterator[ToldVersion]:
        """The versions of one, by number."""
        quoted = entry.name.replace("'", "\\'")
        asked = f"name = '{quoted}'" + (f" AND {ARE_PROMPTS}" if IS_PROMPT in entry.tags else "")
        told = list(self._paged_get("model-versions/search", "model_versions", filter=asked))
        for each in sorted(told, key=lambda version: int(version["version"])):
            yield ToldVersion(
                name=entry.name,
                number=int(each["version"]),
                source=str(each.get("source", "")),
                run=str(each.get("run_id", "")),
                logged_model=str(each.get("model_id", "")),
                description=str(each.get("description", "")),
                run_link=str(each.get("run_link", "")),
                stage=str(each.get("current_stage", "")),
                created_ms=int(each.get("creation_timestamp", 0)),
                changed_ms=int(each.get("last_updated_timestamp", 0)),
                tags=_words(each.get("tags")),
            )

    def files(self, owner: Owner) -> list[ToldFile]:
        """The files of a run or of a logged model, through the server's own proxy."""
        home = _home(owner)
        found: list[ToldFile] = []
        waiting = [("", 0)]
        count = 0
        while waiting:
            folder, depth = waiting.pop()
            told = self._answer("GET", FILES, params={"path": f"{home}/{folder}".rstrip("/")})
            try:
                level = [_listed(folder, each) for each in told.get("files", [])]
            except JUNK as error:
                raise OutOfReach(f"they are listed in no form that a server has ({error!r:.200})") from error
            count += len(level)
            if count > MOST_FILES:
                raise OutOfReach(f"more than {MOST_FILES:,} files and folders")
            found += [file for file, is_folder in level if not is_folder]
            if depth < DEEPEST:
                waiting += [(file.path, depth + 1) for file, is_folder in level if is_folder]
        return sorted(found)

    def fetch(self, owner: Owner, file: ToldFile, scratch: Path) -> Path:
        """A file's bytes, in the folder `scratch`."""
        into = scratch / "fetched"
        address = f"{FILES}/{quote(f'{_home(owner)}/{file.path}')}"
        left = file.size_bytes or UNTOLD_BYTES
        try:
            with self._client.stream("GET", address) as response, into.open("wb") as out:
                if response.status_code != httpx.codes.OK:
                    raise OutOfReach(f"the server answers {response.status_code}")
                for block in response.iter_bytes(BLOCK_BYTES):
                    left -= len(block)
                    if left < 0:
                        raise OutOfReach(f"it is longer than it is said to be, {file.size_bytes:,} bytes")
                    out.write(block)
        except httpx.HTTPError as error:
            raise StoreUnreachable(self.shown, str(error) or type(error).__name__) from error
        return into

    def left_out(self) -> list[LeftOut]:
        """Traces are not asked for."""
        return [LeftOut(what=BESIDES, why="traces, where there are any, are not brought over")]

    def damaged(self) -> list[str]:
        """Nothing: what cannot be read here ends it."""
        return []

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def _paged(self, path: str, name: str, **asked: Any) -> Iterator[Mapping[str, Any]]:
        def ask(page: Mapping[str, str]) -> Mapping[str, Any]:
            return self._post(path, **asked, max_results=PAGE, **page)

        for found in self._pages(name, ask):
            yield from found

    def _paged_get(self, path: str, name: str, **asked: str) -> Iterator[Mapping[str, Any]]:
        for found in self._pages(name, self._getting(path, asked | {"max_results": "200"})):
            yield from found

    def _pages(
        self, name: str, ask: Callable[[Mapping[str, str]], Mapping[str, Any]]
    ) -> Iterator[list[Mapping[str, Any]]]:
        """What stands under a name in each page that says anything; pages without an end are refused."""
        token, given, empty = "", set[int](), 0
        while True:
            told = ask({"page_token": token} if token else {})
            found = told.get(name, [])
            if found:
                yield found
            token = str(told.get("next_page_token") or "")
            if not token:
                return
            empty = 0 if found else empty + 1
            if hash(token) in given or empty > MOST_EMPTY:
                raise StoreUnreachable(self.shown, f"its pages of {name} lead nowhere")
            given.add(hash(token))

    def _getting(
        self, path: str, asked: Mapping[str, str]
    ) -> Callable[[Mapping[str, str]], Mapping[str, Any]]:
        return lambda page: self._answer("GET", f"{API}{path}", params={**asked, **page})

    def _post(self, path: str, **asked: Any) -> Mapping[str, Any]:
        return self._answer("POST", f"{API}{path}", json=asked)

    def _answer(self, method: str, path: str, **given: Any) -> Mapping[str, Any]:
        try:
            with self._client.stream(method, path, **given) as response:
                told = json.loads(_body(response))
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, RecursionError) as error:
            raise StoreUnreachable(self.shown, str(error) or type(error).__name__) from error
        if response.status_code != httpx.codes.OK or not isinstance(told, dict):
            said = told.get("message", "") if isinstance(told, dict) else ""
            raise StoreUnreachable(self.shown, f"{response.status_code} to {path}: {said}")
        return told


def _home(owner: Owner) -> str:
    """Where the server's proxy keeps the files.

    Raises:
        OutOfReach: they are elsewhere.
    """
    if not owner.location.startswith(PROXY):
        raise OutOfReach(
            f"its files are at {owner.location[:200]}, which this server does not hand out; where they can be"
            " read, import its database or its folder with --artifacts"
        )
    # An address with a host (mlflow-artifacts://host/...) means that host.
    rest = owner.location.removeprefix(PROXY)
    if rest.startswith("/"):
        raise OutOfReach(f"its files are at {owner.location[:200]}, which is another server")
    return rest.strip("/")


def _body(response: httpx.Response) -> bytearray:
    """The whole of an answer.

    Raises:
        ValueError: it is larger than any.
    """
    body = bytearray()
    for block in response.iter_bytes(BLOCK_BYTES):
        body += block
        if len(body) > LARGEST_ANSWER:
            raise ValueError(f"an answer has more than {LARGEST_ANSWER:,} bytes")
    return body


def _listed(folder: str, told: Mapping[str, Any]) -> tuple[ToldFile, bool]:
    """A file or a folder in a folder, and whether it is a folder.

    Raises:
        OutOfReach: no file is kept under its name.
    """
    path = f"{folder}/{str(told['path']).rpartition('/')[2]}".lstrip("/")
    try:
        check_path(path)
    except RopewayError as error:
        raise OutOfReach(error.what) from error
    return ToldFile(path, int(told.get("file_size", 0))), bool(told.get("is_dir"))


def _without_secret(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _words(told: Any) -> dict[str, str]:
    return {str(each.get("key", "")): str(each.get("value", "")) for each in told or []}


def _dataset(told: Mapping[str, Any]) -> DatasetUse:
    dataset = told.get("dataset", {})
    return DatasetUse(
        name=str(dataset.get("name", "")),
        digest=str(dataset.get("digest", "")),
        source_type=str(dataset.get("source_type", "")),
        source=str(dataset.get("source", "")),
        schema=dataset.get("schema"),
        profile=dataset.get("profile"),
        tags=_words(told.get("tags")),
    )


def _figures(model: str, told: Any) -> dict[str, list[Figure]]:
    found: dict[str, list[Figure]] = {}
    for each in told:
        figure = Figure(
            model=model,
            key=str(each["key"]),
            value=float(each["value"]),
            at_ms=int(each.get("timestamp", 0)),
            step=str(each.get("step", "0")),
            dataset_name=each.get("dataset_name"),
            dataset_digest=each.get("dataset_digest"),
        )
        found.setdefault(str(each.get("run_id", "")), []).append(figure)
    return found
