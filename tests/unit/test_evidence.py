"""Evidence without Spark: which row is meant, who wrote it, and what a hash tells."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from contracts.errors import InputError
from contracts.tables import GOLD_VESSEL_DAY, GOLD_VOYAGE_ANALYTICS, SILVER_POSITIONS, SILVER_VOYAGES
from lakehouse.evidence.history import batches_of, behind, writer
from lakehouse.evidence.subject import parse_subject
from lakehouse.evidence.values import different, raw_digest, rows_digest, spans


def commit(
    version: int, operation: str = "WRITE", parameters: dict[str, str] | None = None, **said: Any
) -> dict[str, Any]:
    text = json.dumps(said) if said else None
    return {
        "version": version,
        "operation": operation,
        "operationParameters": parameters or {},
        "timestamp": 1_000 * version,
        "userMetadata": text,
    }


def record(offset: int, value: bytes | None = b"{}", partition: int = 0) -> dict[str, Any]:
    return {
        "kafka_topic": "maritime.ais.data", "kafka_partition": partition, "kafka_offset": offset, "headers": [],
        "published_at": datetime(2026, 1, 1, tzinfo=UTC), "kafka_key": b"366053209", "value": value,
    }  # fmt: skip


@pytest.mark.parametrize("name", ["gold/vessel_day", "gold.vessel_day"])
@pytest.mark.parametrize("day", ["date", "observed_on"])
def test_a_row_is_named_by_table_and_key(name: str, day: str) -> None:
    subject = parse_subject([name, "mmsi=366053209", f"{day}=2022-01-03"])

    assert subject.table == GOLD_VESSEL_DAY
    assert subject.key == {"mmsi": 366053209, "observed_on": date(2022, 1, 3)}


def test_a_track_is_named_by_its_segment_too() -> None:
    subject = parse_subject(["gold.vessel_day", "segment_id=7-2022-01-01T00:00:00.000000Z", "date=2022-01-03"])

    assert subject.key == {"segment_id": "7-2022-01-01T00:00:00.000000Z", "observed_on": date(2022, 1, 3)}


def test_a_voyage_is_looked_for_in_gold_and_then_in_silver() -> None:
    subject = parse_subject(["voyage", "V1"])

    assert (subject.table, subject.otherwise) == (GOLD_VOYAGE_ANALYTICS, SILVER_VOYAGES)
    assert subject.key == {"voyage_id": "V1"}


def test_compliance_names_a_ship_and_a_year() -> None:
    subject = parse_subject(["compliance", "9074729", "2024"])

    assert (dict(subject.key), subject.year) == ({"imo_number": 9074729}, 2024)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["gold/nothing", "mmsi=1"], "names no row"),
        (["gold/vessel_day", "mmsi=1"], "observed_on=... is missing"),
        (["gold/vessel_day", "mmsi=one", "date=2022-01-03"], "that is no long"),
        (["gold/vessel_day", "imo=1", "date=2022-01-03"], "segment_id=... observed_on=... mmsi=..."),
        (["compliance", "9074729", "last"], "YEAR 'last' is not a number"),
    ],
)
def test_what_names_no_row_is_refused_with_the_form(words: list[str], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        parse_subject(words)


def test_a_restored_table_rests_on_the_commits_before_the_version_restored_to() -> None:
    log = [commit(4, run_id="d"), commit(3, "RESTORE", {"version": "1"}), commit(2, run_id="c"), commit(1, run_id="b")]

    assert [c.version for c in behind(log, 4)] == [4, 1]
    assert [c.version for c in behind(log, 2)] == [2, 1]


def test_the_writer_of_a_row_is_the_last_run_that_replaced_its_day() -> None:
    inputs = {"silver.voyages": 7}
    log = [
        commit(3, "OPTIMIZE"),
        commit(2, run_id="february", inputs=inputs, covers={"departed_on": ["2024-02-01", "2024-02-29"]}),
        commit(1, run_id="january", inputs=inputs, covers={"departed_on": ["2024-01-01", "2024-01-31"]}),
    ]

    found = writer(GOLD_VOYAGE_ANALYTICS, behind(log, 3), {"departed_on": date(2024, 1, 31)})

    assert (found.version, found.inputs) == (1, inputs)
    with pytest.raises(InputError, match="Run its job or stream again"):
        writer(GOLD_VOYAGE_ANALYTICS, behind(log, 3), {"departed_on": date(2024, 3, 1)})


def test_a_streams_commit_names_the_version_that_it_has_read_to() -> None:
    end = {"reservoirVersion": 8, "index": -100, "isStartingVersion": False}
    log = [commit(5, app_id="gold.vessel_day:gold.vessels:c1", batch_id=4, source_end=json.dumps(end))]

    assert [c.inputs for c in behind(log, 5)] == [{SILVER_POSITIONS.name: 7}]


def test_rows_are_traced_to_the_batches_whose_offsets_hold_them() -> None:
    log = [commit(n, offsets=[["t", 0, 10 * n, 10 * n + 10]]) for n in (3, 2, 1)]
    rows = [{"kafka_partition": 0, "kafka_offset": offset} for offset in (10, 39)]

    assert [c.version for c in batches_of(list(behind(log, 3)), rows)] == [3, 1]


def test_offsets_without_a_hole_are_one_range_and_each_range_has_its_own_hash() -> None:
    records = [record(7), record(5), record(6), record(9), record(5, partition=1)]
    changed = [{**r, "value": b"[]"} if r["kafka_offset"] == 9 else r for r in records]

    before, after = list(spans(records)), list(spans(changed))

    assert [(s["partition"], s["start"], s["end"]) for s in before] == [(0, 5, 8), (0, 9, 10), (1, 5, 6)]
    assert [s["start"] for s, other in zip(before, after, strict=True) if s != other] == [9]


@pytest.mark.parametrize(
    "change", [{"value": b"{} "}, {"value": None}, {"kafka_key": b""}, {"headers": [{"key": "source", "value": b"x"}]}]
)
def test_any_changed_byte_of_a_record_changes_the_hash(change: dict[str, Any]) -> None:
    assert raw_digest([record(1)]) != raw_digest([{**record(1), **change}])


def test_the_hash_of_rows_does_not_depend_on_their_order_and_does_on_their_values() -> None:
    rows: list[dict[str, Any]] = [{"mmsi": 1, "sog_kn": 1.5}, {"mmsi": 2, "sog_kn": None}]

    assert rows_digest(rows, ["mmsi"]) == rows_digest(rows[::-1], ["mmsi"])
    assert rows_digest(rows, ["mmsi"]) != rows_digest([rows[0], {"mmsi": 2, "sog_kn": 0.0}], ["mmsi"])


def test_sums_in_another_order_are_the_same_and_other_values_are_named() -> None:
    recorded = {"distance_nm": 0.1 + 0.2, "jump_count": 1, "source": "noaa"}

    assert different(recorded, {"distance_nm": 0.3, "jump_count": 1, "source": "noaa"}) == []
    assert different(recorded, {"distance_nm": 0.30001, "jump_count": 2, "source": "noaa"}) == [
        "distance_nm",
        "jump_count",
    ]
