"""Who still has to read an old version of a table: streams, batches to be replayed, recorded runs, models.

No reader of a change feed exists: no table has one switched on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import deltalake
from pyarrow import fs

from contracts.settings import Settings, forbid_telemetry
from contracts.tables import GOLD_VESSEL_FEATURES, OPS_RUNS, Table
from lakehouse.status import TABLE_OF
from lakehouse.upkeep import log

FEATURES_VERSION = "features_version"
"""Parameter of a training run that names the version of ``gold.vessel_features`` it learned from."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who has yet to read a table at ``version``, or must be able to read it again.

    ``whole`` says that the table as of the version is needed; ``follows``, that the rows of each commit from it on are.
    """

    name: str
    version: int
    whole: bool
    follows: bool = False

    def files(self, path: str) -> set[str]:
        """Paths of the data files that the reader needs, those of later versions included where it follows."""
        files = log.snapshot_files(path, self.version) if self.whole else set()
        if self.follows:
            first = self.version + 1 if self.whole else self.version
            files |= log.added_files(path, first, deltalake.DeltaTable(path).version())
        return files


def readers_of(table: Table, settings: Settings, now: datetime) -> list[Reader]:
    """Everybody known who needs an older version of the table."""
    return [
        *_streams(table, settings),
        *_replays(table, settings),
        *_runs(table, settings, now),
        *_models(table, settings),
    ]


def _streams(table: Table, settings: Settings) -> Iterator[Reader]:
    """Streams that read the table, where their last finished batch left off; none that has read everything."""
    newest = deltalake.DeltaTable(f"{settings.lake}/{table.path}").version()
    for stream in (name for name, source in TABLE_OF.items() if source == table):
        checkpoint = Checkpoint.of(stream, settings)
        if checkpoint is None or checkpoint.planned is None:
            continue
        if checkpoint.finished is None:  # where its first batch began is written nowhere: any file may be in it
            yield Reader(f"stream {stream} (its first batch is not finished)", 0, whole=True, follows=True)
            continue
        offset = checkpoint.offset(checkpoint.finished)
        if offset["reservoirVersion"] <= newest:
            version, whole = offset["reservoirVersion"], offset["isStartingVersion"]
            yield Reader(f"stream {stream}", version, whole=whole, follows=True)


def _replays(table: Table, settings: Settings) -> Iterator[Reader]:
    """Batches that this table holds and that their stream has not finished: they are judged against what was before."""
    for checkpoint in _checkpoints(settings):
        if checkpoint.planned is None or checkpoint.planned == checkpoint.finished:
            continue
        app_id = f"{table.name}:{checkpoint.stream}:{checkpoint.id}"
        for commit in deltalake.DeltaTable(f"{settings.lake}/{table.path}").history():
            batch = json.loads(commit.get("userMetadata") or "{}")
            if (batch.get("app_id"), batch.get("batch_id")) == (app_id, checkpoint.planned):
                name = f"stream {checkpoint.stream}, to replay its batch {checkpoint.planned},"
                yield Reader(name, int(commit["version"]) - 1, whole=True)


def _runs(table: Table, settings: Settings, now: datetime) -> Iterator[Reader]:
    """Recorded runs of batch jobs: what they wrote or read can be read again for a set time."""
    path = f"{settings.lake}/{OPS_RUNS.path}"
    if not deltalake.DeltaTable.is_deltatable(path):
        return
    since = now - timedelta(days=settings.upkeep_pin_days)
    rows = deltalake.DeltaTable(path).to_pyarrow_table(columns=["job", "run_id", "finished_at", "versions"])
    for row in rows.to_pylist(maps_as_pydicts="strict"):
        if table.name in row["versions"] and row["finished_at"] >= since:
            name = f"the {row['job']} run of {row['finished_at']:%F %T} UTC"
            yield Reader(name, row["versions"][table.name], whole=True)


def _models(table: Table, settings: Settings) -> Iterator[Reader]:
    """Registered models: what they learned from can be read again as long as they are in the registry."""
    in_home = settings.home.absolute() / "mlflow" / "mlflow.db"
    if table != GOLD_VESSEL_FEATURES or not (settings.mlflow_uri or in_home.exists()):
        return
    forbid_telemetry()
    import mlflow  # slow, and of use to this one table only

    client = mlflow.MlflowClient(tracking_uri=settings.mlflow_store, registry_uri=settings.mlflow_store)
    for model in client.search_model_versions():
        params = client.get_run(model.run_id).data.params
        if FEATURES_VERSION in params:
            name = f"model {model.name} version {model.version}"
            yield Reader(name, int(params[FEATURES_VERSION]), whole=True)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A stream's checkpoint: the batch that it has planned last, and the one that it has finished last."""

    stream: str
    id: str
    planned: int | None
    finished: int | None
    files: fs.FileSystem

    @classmethod
    def of(cls, stream: str, settings: Settings) -> Checkpoint | None:
        """The checkpoint of a stream; null where it has none."""
        files = log.file_system(settings.lake)
        folder = _folder(stream)
        if files.get_file_info(f"{folder}/metadata").type == fs.FileType.NotFound:
            return None
        with files.open_input_stream(f"{folder}/metadata") as stream_of_bytes:
            identity = json.loads(stream_of_bytes.read())["id"]
        return cls(stream, identity, _newest(files, f"{folder}/offsets"), _newest(files, f"{folder}/commits"), files)

    def offset(self, batch_id: int) -> dict[str, Any]:
        """Where a batch ends in the Delta table that it reads: version, and whether it is a first, whole read."""
        with self.files.open_input_stream(f"{_folder(self.stream)}/offsets/{batch_id}") as stream:
            lines = stream.read().decode().splitlines()
        offset: dict[str, Any] = json.loads(lines[-1])
        return offset


def _checkpoints(settings: Settings) -> Iterator[Checkpoint]:
    files = log.file_system(settings.lake)
    for info in files.get_file_info(fs.FileSelector("_checkpoints", allow_not_found=True)):
        checkpoint = Checkpoint.of(Path(info.path).name, settings)
        if checkpoint:
            yield checkpoint


def _newest(files: fs.FileSystem, folder: str) -> int | None:
    found = files.get_file_info(fs.FileSelector(folder, allow_not_found=True))
    numbers = [int(name) for name in (Path(info.path).name for info in found) if name.isdigit()]
    return max(numbers, default=None)


def _folder(stream: str) -> str:
    return f"_checkpoints/{stream}"
