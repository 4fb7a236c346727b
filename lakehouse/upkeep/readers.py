"""Who still has to read an old version of a table: streams, change feeds, broken batches, recorded runs, models."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import deltalake

from contracts.settings import Settings, forbid_telemetry
from contracts.tables import GOLD_VESSEL_FEATURES, OPS_RUNS, SILVER_QUARANTINE, SILVER_VERDICTS, Table
from contracts.topics import TOPICS
from lakehouse import ledger, replays
from lakehouse.checkpoints import checkpoint, checkpointed, delta_offsets
from lakehouse.evidence.kept import kept_versions
from lakehouse.status import TABLE_OF
from lakehouse.under_way import versions_read
from lakehouse.upkeep import log

FEATURES_VERSION = "features_version"
"""Parameter of a training run that names the version of ``gold.vessel_features`` it learned from."""
FEED_ON = "delta.enableChangeDataFeed"
FEED_FILES = ("add", "remove", "cdc")


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who has yet to read a table at ``version``, or must be able to read it again.

    ``whole`` says that the table as of the version is needed; ``follows``, that each commit from it on is, and with
    ``feed`` its changes as well. ``everything`` is for a reader whose place cannot be told; ``is_pin`` says that the
    version is kept for a second look only.
    """

    name: str
    version: int
    whole: bool = False
    follows: bool = False
    feed: bool = False
    everything: bool = False
    is_pin: bool = False

    def files(self, path: str) -> set[str]:
        """Paths of the files that the reader needs, those of later versions included where it follows."""
        if self.everything:
            return set(log.stored_bytes(path))
        files = log.snapshot_files(path, self.version) if self.whole else set()
        if self.follows:
            first = self.version + 1 if self.whole else self.version
            kinds = FEED_FILES if self.feed else ("add",)
            files |= log.committed_files(path, first, deltalake.DeltaTable(path).version(), kinds)
        return files


def readers_of(table: Table, settings: Settings, now: datetime) -> list[Reader]:
    """Everybody known who needs an older version of the table."""
    delta = deltalake.DeltaTable(f"{settings.lake}/{table.path}")
    return [
        *_streams(delta, settings),
        *_lost(table, delta, settings),
        *_broken(table, delta, settings),
        *_under_way(table, settings),
        *_runs(table, settings, now),
        *_evidence(table, settings),
        *_models(table, settings),
    ]


def _streams(delta: deltalake.DeltaTable, settings: Settings) -> Iterator[Reader]:
    """Streams that read the table, where their last finished batch left off; none that has read everything.

    A checkpoint names the tables that it reads by their ids, so a stream of anybody is known by its folder's name. It
    does not say whether the stream reads rows or changes: where the table has a change feed, both are kept.
    """
    kind = "stream or change-feed reader" if _has_feed(delta) else "stream"
    for stream in checkpointed(settings):
        found = checkpoint(settings, stream)
        if found is None or found.planned is None:
            continue
        for offset in delta_offsets(settings, stream, found.planned if found.done is None else found.done):
            if found.done is not None:
                yield from _follower(f"{kind} {stream}", offset, delta)
            elif offset["reservoirId"] == str(delta.metadata().id):
                # where its first batch began is written nowhere: any file may be in it
                yield Reader(f"{kind} {stream} (its first batch is not finished)", 0, everything=True)


def _lost(table: Table, delta: deltalake.DeltaTable, settings: Settings) -> Iterator[Reader]:
    """Streams whose checkpoint is lost: they are recovered from where the ledger says that they left off."""
    for stream in (name for name, source in TABLE_OF.items() if source == table):
        done = ledger.entries(settings.lake, stream)
        if not done or checkpoint(settings, stream):
            continue
        name = f"stream {stream}, whose checkpoint is lost,"
        end = max(done, key=lambda entry: entry["finished_at"])["source_end"]
        if end:
            yield from _follower(name, json.loads(end), delta)
        else:
            yield Reader(name, 0, everything=True)


def _follower(name: str, offset: Mapping[str, Any], delta: deltalake.DeltaTable) -> Iterator[Reader]:
    """Who goes on from an offset, if it is of this table and there is more to read."""
    version = offset["reservoirVersion"]
    if offset["reservoirId"] == str(delta.metadata().id) and version <= delta.version():
        yield Reader(name, version, whole=offset["isStartingVersion"], follows=True, feed=_has_feed(delta))


def _has_feed(delta: deltalake.DeltaTable) -> bool:
    return delta.metadata().configuration.get(FEED_ON) == "true"


def _broken(table: Table, delta: deltalake.DeltaTable, settings: Settings) -> Iterator[Reader]:
    """Batches to be finished that this table holds already: they are judged by the version before it did."""
    batches = {
        (f"{table.name}:{stream}:{found.checkpoint_id}", found.planned): f"stream {stream}, to replay its batch"
        for stream in checkpointed(settings)
        if (found := checkpoint(settings, stream)) and found.planned != found.done
    }
    for intent in filter(None, (replays.unfinished(settings.lake, topic) for topic in TOPICS)):
        name = f"the broken {intent.stream} of {intent.started_at:%F %T} UTC, to finish its batch"
        batches[f"{table.name}:{intent.stream}:{intent.replay_id}", intent.batch_id] = name
        judged = {SILVER_QUARANTINE: intent.quarantine_version, SILVER_VERDICTS: intent.verdicts_version}
        if table in judged:
            yield Reader(f"{name} {intent.batch_id},", judged[table], whole=True)
    for commit in log.commit_history(delta) if batches else ():
        batch = json.loads(commit.get("userMetadata") or "{}")
        who = batches.get((batch.get("app_id"), batch.get("batch_id")))
        if who:
            yield Reader(f"{who} {batch['batch_id']},", int(commit["version"]) - 1, whole=True)


def _under_way(table: Table, settings: Settings) -> Iterator[Reader]:
    """Runs of batch jobs that go on: a version that they have begun to read is read until they end."""
    for job, version in versions_read(settings, table):
        yield Reader(f"the {job} run that goes on", version, whole=True)


def _runs(table: Table, settings: Settings, now: datetime) -> Iterator[Reader]:
    """Recorded runs of batch jobs: what they wrote can be read again for a set time."""
    path = f"{settings.lake}/{OPS_RUNS.path}"
    if not deltalake.DeltaTable.is_deltatable(path):
        return
    since = now - timedelta(days=settings.upkeep_pin_days)
    rows = deltalake.DeltaTable(path).to_pyarrow_table(columns=["job", "run_id", "finished_at", "versions"])
    for row in rows.to_pylist(maps_as_pydicts="strict"):
        if table.name in row["versions"] and row["finished_at"] >= since:
            name = f"the report of the {row['job']} run of {row['finished_at']:%F %T} UTC"
            yield Reader(name, row["versions"][table.name], whole=True, is_pin=True)


def _evidence(table: Table, settings: Settings) -> Iterator[Reader]:
    """Evidence that is kept: what it names can be read again as long as its file is there."""
    for file, version in kept_versions(settings, table.name):
        yield Reader(f"the evidence {file}", version, whole=True, is_pin=True)


def _models(table: Table, settings: Settings) -> Iterator[Reader]:
    """Registered models: what they learned from can be read again as long as they are in the registry."""
    in_home = settings.home.absolute() / "mlflow" / "mlflow.db"
    if table != GOLD_VESSEL_FEATURES or not (settings.mlflow_uri or in_home.exists()):
        return
    forbid_telemetry()
    import mlflow  # slow, and of use to this one table only

    client = mlflow.MlflowClient(tracking_uri=settings.mlflow_store, registry_uri=settings.mlflow_store)
    for model in client.search_model_versions():
        params = client.get_run(model.run_id).data.params if model.run_id else {}
        if FEATURES_VERSION in params:
            name = f"model {model.name} version {model.version}"
            yield Reader(name, int(params[FEATURES_VERSION]), whole=True, is_pin=True)
