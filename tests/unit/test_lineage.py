"""OpenLineage events: lawful by their published schema, and on their way without holding anything up."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import deltalake
import pytest
from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from referencing import Registry, Resource

from contracts.errors import ConfigurationError
from contracts.settings import Settings
from contracts.tables import OPS_LEDGER, OPS_LINEAGE
from lakehouse import ledger
from lakehouse.ledger import Entry, OffsetRange
from lakehouse.lineage import emitter as emitters
from lakehouse.lineage.emitter import accounts, emitting, make_up
from lakehouse.lineage.endpoint import endpoint_of
from lakehouse.lineage.events import Job, batch_run_id, completed, dataset, failure, run_event, started
from lakehouse.ops_rows import arrow_rows

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def entry(stream: str = "bronze.ais", batch_id: int = 3, **more: Any) -> Entry:
    ranges = (OffsetRange("maritime.ais.data", 0, 100, 150), OffsetRange("maritime.ais.data", 4, 7, 9))
    return Entry(
        stream=stream, batch_id=batch_id, app_id=f"{stream}:c1", ranges=ranges, rows_read=52, rows_accepted=52,
        started_at=NOON, finished_at=NOON, versions={stream: 12}, **more,
    )  # fmt: skip


@pytest.fixture(scope="module")
def schemas() -> dict[str, Any]:
    """The published schemas, by their ids."""
    folder = Path(__file__).parent.parent / "data" / "openlineage"
    return {schema["$id"]: schema for schema in (json.loads(file.read_text()) for file in folder.glob("*.json"))}


def check(schemas: dict[str, Any], event: dict[str, Any]) -> None:
    """Validate the event, and each of its facets by the schema that the facet names, where that is published."""
    registry = Registry().with_resources([(name, Resource.from_contents(schema)) for name, schema in schemas.items()])

    def by(url: str, value: Any) -> None:
        Draft202012Validator({"$ref": url}, registry=registry, format_checker=FormatChecker()).validate(value)

    by("https://openlineage.io/spec/2-0-2/OpenLineage.json", event)
    by(event["schemaURL"], event)
    datasets = [*event["inputs"], *event["outputs"]]
    of = [event["run"], event["job"], *datasets, *({"facets": d.get("inputFacets", {})} for d in datasets)]
    for name, facet in (item for holder in of for item in holder.get("facets", {}).items()):
        if facet["_schemaURL"].startswith("https:"):
            by(facet["_schemaURL"], facet)
        else:
            assert name.startswith("maritime_")


def test_every_kind_of_event_is_lawful_by_the_published_schema(schemas: dict[str, Any], settings: Settings) -> None:
    end = json.dumps({"reservoirVersion": 8, "index": -100, "isStartingVersion": False})
    job = Job("maritimeiq", "voyages", is_stream=False)
    run_id = batch_run_id("a", 1)
    tables = [
        dataset("s3://lake/root", "silver.voyages", 4),
        dataset("/lake", "gold.voyage_analytics", 5, path="/my/own"),
    ]

    for event in (
        started(settings, "bronze.ais", "bronze.ais:c1", 3, NOON),
        completed(settings, entry()),
        completed(settings, entry("silver.ais", source_end=end)),
        run_event(job, run_id, "COMPLETE", NOON, tables[:1], tables[1:]),
        run_event(job, run_id, "FAIL", NOON, run_facets=failure(ValueError("it broke\nhere"))),
        run_event(job, run_id, "ABORT", NOON),
    ):
        check(schemas, event)


def test_a_schema_that_is_not_kept_is_noticed(schemas: dict[str, Any], settings: Settings) -> None:
    event = completed(settings, entry())
    event["run"]["runId"] = 5

    with pytest.raises(ValidationError, match="is not valid under any"):
        check(schemas, event)


def test_a_batch_joins_topic_and_offsets_to_the_version_they_became(settings: Settings) -> None:
    event = completed(settings, entry())

    (topic,), (table,) = event["inputs"], event["outputs"]
    assert (topic["namespace"], topic["name"]) == ("kafka://127.0.0.1:9092", "maritime.ais.data")
    spans = topic["inputFacets"]["maritime_offsets"]["ranges"]
    assert [(s["partition"], s["start"], s["end"]) for s in spans] == [(0, 100, 150), (4, 7, 9)]
    assert table["name"] == f"{settings.lake}/bronze/ais"
    assert table["facets"]["version"]["datasetVersion"] == "12"


def test_a_silver_batch_names_the_version_of_bronze_that_it_read_to(settings: Settings) -> None:
    end = json.dumps({"reservoirVersion": 8, "index": -100, "isStartingVersion": False})

    (bronze,) = completed(settings, entry("silver.ais", source_end=end))["inputs"]

    assert bronze["name"].endswith("bronze/ais")
    assert bronze["facets"]["version"]["datasetVersion"] == "7"


def lineage(settings: Settings) -> list[dict[str, Any]]:
    table = deltalake.DeltaTable(f"{settings.lake}/{OPS_LINEAGE.path}").to_pyarrow_table()
    return sorted(table.to_pylist(), key=lambda row: row["run_state"])


def test_events_are_kept_in_the_lake_and_posted(settings: Settings, receiver: Any) -> None:
    url = f"http://127.0.0.1:{receiver.port}/api/v1/lineage"
    with emitting(settings.model_copy(update={"openlineage_url": url}), "test") as out:
        out.emit(started(settings, "bronze.ais", "bronze.ais:c1", 3, NOON))
        out.emit(completed(settings, entry()))

    kept = lineage(settings)
    assert [(row["job"], row["run_state"]) for row in kept] == [("bronze.ais", "COMPLETE"), ("bronze.ais", "START")]
    assert sorted(json.loads(body)["eventType"] for _key, body, _headers in receiver.came) == ["COMPLETE", "START"]
    assert {json.dumps(json.loads(row["event"])) for row in kept} == {body.decode() for _key, body, _ in receiver.came}
    assert [(a.process, a.written, a.posted, a.failed) for a in accounts(settings)] == [("test", 2, 2, 0)]


def test_an_endpoint_that_refuses_or_is_away_stops_nothing_and_is_counted(settings: Settings, receiver: Any) -> None:
    receiver.answer = lambda _key: 503
    url = f"http://127.0.0.1:{receiver.port}/"
    with emitting(settings.model_copy(update={"openlineage_url": url}), "refused") as out:
        out.emit(completed(settings, entry()))
        out.emit(completed(settings, entry(batch_id=4)))
    with emitting(settings.model_copy(update={"openlineage_url": "http://127.0.0.1:1/"}), "away") as out:
        out.emit(completed(settings, entry(batch_id=5)))

    away, refused = accounts(settings)
    assert (refused.written, refused.posted, refused.failed, refused.last_error) == (2, 0, 2, "answered 503")
    assert len(receiver.came) == 1  # after a failure it is left in peace for a while
    assert (away.written, away.failed, away.last_error) == (1, 1, "no answer: NewConnectionError")
    assert len(lineage(settings)) == 3


def test_a_lake_that_cannot_be_written_keeps_the_events_and_stops_nothing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(emitters, "write", full)
    with emitting(settings, "test") as out:
        out.emit(completed(settings, entry()))

    assert [(a.written, a.last_error) for a in accounts(settings)] == [(0, "ops.lineage: No space left on device")]


def test_what_a_killed_process_left_out_is_made_up_for_from_the_ledger(settings: Settings) -> None:
    deltalake.DeltaTable.create(f"{settings.lake}/{OPS_LEDGER.path}", arrow_rows(OPS_LEDGER, []).schema)
    for batch_id in range(3):
        ledger.record(settings.lake, entry(batch_id=batch_id))
    with emitting(settings, "killed") as out:
        out.emit(completed(settings, entry(batch_id=0)))

    with emitting(settings, "next") as out:
        assert make_up(settings, "bronze.ais", out) == 2
    with emitting(settings, "third") as out:
        assert make_up(settings, "bronze.ais", out) == 0

    done = {row["run_id"] for row in lineage(settings) if row["run_state"] == "COMPLETE"}
    assert done == {batch_run_id("bronze.ais:c1", batch_id) for batch_id in range(3)}


@pytest.mark.parametrize(
    "url",
    ["marquez:5000", "ftp://marquez/", "http://user:word@marquez/"],  # pragma: allowlist secret
)
def test_an_address_that_cannot_be_posted_to_is_refused(settings: Settings, url: str) -> None:
    with pytest.raises(ConfigurationError, match="MARITIME_OPENLINEAGE_URL"):
        endpoint_of(settings.model_copy(update={"openlineage_url": url}))
