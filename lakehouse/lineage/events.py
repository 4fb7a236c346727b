"""Runs as OpenLineage events (version 2-0-2 of its schema). Pure: what a batch did is what its ledger entry says."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import urlsplit

from contracts.settings import Settings
from infra.release import code_version
from lakehouse.checkpoints import version_read
from lakehouse.ledger import Entry, OffsetRange
from lakehouse.status import TABLE_OF

State = Literal["START", "COMPLETE", "ABORT", "FAIL"]
Event = dict[str, Any]
SPEC = "https://openlineage.io/spec"
SCHEMA_URL = f"{SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent"
FACETS = {
    "version": f"{SPEC}/facets/1-0-1/DatasetVersionDatasetFacet.json#/$defs/DatasetVersionDatasetFacet",
    "errorMessage": f"{SPEC}/facets/1-0-1/ErrorMessageRunFacet.json#/$defs/ErrorMessageRunFacet",
    "jobType": f"{SPEC}/facets/2-0-4/JobTypeJobFacet.json#/$defs/JobTypeJobFacet",
    "maritime_offsets": "urn:maritimeiq:facet:offsets:1",
    "maritime_batch": "urn:maritimeiq:facet:batch:1",
    "maritime_records": "urn:maritimeiq:facet:records:1",
}
"""Schema of each facet. Ours begin with our name, as the specification asks: docs/evidence.md tells what they hold."""
RUNS = uuid.uuid5(uuid.NAMESPACE_URL, "urn:maritimeiq:runs")


@dataclass(frozen=True, slots=True)
class Job:
    """What runs: a stream, whose runs are its batches, or a batch job."""

    namespace: str
    name: str
    is_stream: bool


def batch_run_id(app_id: str, batch_id: int) -> str:
    """The run's id of a batch; a batch that is replayed after a crash is the same run."""
    return str(uuid.uuid5(RUNS, f"{app_id}:{batch_id}"))


def run_event(
    job: Job,
    run_id: str,
    state: State,
    at: datetime,
    inputs: Iterable[Mapping[str, Any]] = (),
    outputs: Iterable[Mapping[str, Any]] = (),
    run_facets: Mapping[str, Mapping[str, Any]] | None = None,
) -> Event:
    """One event. ``run_facets`` are without what every facet has."""
    kind = {"processingType": "STREAMING" if job.is_stream else "BATCH", "integration": "SPARK", "jobType": "JOB"}
    return {
        "eventType": state,
        "eventTime": at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "producer": _producer(),
        "schemaURL": SCHEMA_URL,
        "run": {"runId": run_id, "facets": _facets(run_facets or {})},
        "job": {"namespace": job.namespace, "name": job.name, "facets": _facets({"jobType": kind})},
        "inputs": list(inputs),
        "outputs": list(outputs),
    }


def failure(error: BaseException) -> dict[str, dict[str, Any]]:
    """Run facet of what went wrong."""
    text = str(error).splitlines()
    message = f"{type(error).__name__}: {text[0]}" if text else type(error).__name__
    return {"errorMessage": {"message": message, "programmingLanguage": "PYTHON"}}


def completed(settings: Settings, entry: Entry) -> Event:
    """A batch that is in the ledger: topic and offsets, versions read and committed, and what became of the records."""
    counts = {name: getattr(entry, f"rows_{name}") for name in ("read", "accepted", "quarantined", "duplicate", "late")}
    facets = {
        "maritime_batch": {"appId": entry.app_id, "batchId": entry.batch_id},
        "maritime_records": counts,
    }
    return run_event(
        stream_job(settings, entry.stream), batch_run_id(entry.app_id, entry.batch_id), "COMPLETE", entry.finished_at,
        _inputs(settings, entry), [dataset(settings.lake, *item) for item in sorted(entry.versions.items())], facets,
    )  # fmt: skip


def started(settings: Settings, stream: str, app_id: str, batch_id: int, at: datetime) -> Event:
    """A batch that begins."""
    facets = {"maritime_batch": {"appId": app_id, "batchId": batch_id}}
    return run_event(stream_job(settings, stream), batch_run_id(app_id, batch_id), "START", at, run_facets=facets)


def stream_job(settings: Settings, stream: str) -> Job:
    """The stream as a job."""
    return Job(settings.openlineage_namespace, stream, is_stream=True)


def dataset(
    root: str, name: str, version: int, offsets: Iterable[OffsetRange] = (), path: str | None = None
) -> dict[str, Any]:
    """A Delta table at a version, as the naming of the specification has it; as an input with the offsets read."""
    place = path or f"{root}/{name.replace('.', '/')}"
    parts = urlsplit(place)
    is_uri = bool(parts.netloc)
    named = {
        "namespace": f"{parts.scheme}://{parts.netloc}" if is_uri else "file",
        "name": parts.path.strip("/") if is_uri else parts.path,
        "facets": _facets({"version": {"datasetVersion": str(version)}}),
    }
    return {**named, **_offsets(offsets)}


def _inputs(settings: Settings, entry: Entry) -> list[dict[str, Any]]:
    if entry.stream in TABLE_OF:
        if entry.source_end is None:
            return []
        version, _is_in_part = version_read(json.loads(entry.source_end))
        return [dataset(settings.lake, TABLE_OF[entry.stream].name, version, entry.ranges)]
    servers = settings.kafka_servers.split(",")[0]
    return [
        {
            "namespace": f"kafka://{servers}",
            "name": topic,
            **_offsets(span for span in entry.ranges if span.topic == topic),
        }
        for topic in sorted({span.topic for span in entry.ranges})
    ]


def _offsets(ranges: Iterable[OffsetRange]) -> dict[str, Any]:
    spans = [{"topic": r.topic, "partition": r.partition, "start": r.start, "end": r.end} for r in ranges]
    return {"inputFacets": _facets({"maritime_offsets": {"ranges": spans}})} if spans else {}


def _facets(said: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {name: {"_producer": _producer(), "_schemaURL": FACETS[name], **of} for name, of in said.items()}


def _producer() -> str:
    return f"urn:maritimeiq:code:{code_version()}"
