"""Who sailed under an MMSI, from when to when; and which segment is which ship."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pyspark.sql import SparkSession

from contracts.settings import Settings
from contracts.tables import SILVER_IDENTITIES, SILVER_VESSELS
from contracts.topics import AIS
from lakehouse import vessel_fold
from lakehouse.runner import run_flows
from lakehouse.schema import spark_schema
from lakehouse.silver import SILVER_FLOWS
from lakehouse.store import Store
from lakehouse.transforms.segment_identity import segment_identities
from lakehouse.transforms.vessel_spells import vessel_spells

BEGAN = datetime(2024, 3, 1, tzinfo=UTC)
MMSI = 366053209
AIS_FLOW = SILVER_FLOWS[0]
START_MS = 1_709_251_200_000
Make = Callable[..., dict[str, Any]]
Land = Callable[..., None]


def at(hours: float) -> datetime:
    return BEGAN + timedelta(hours=hours)


def naive(hours: float) -> datetime:
    return at(hours).replace(tzinfo=None)


def spells(spark: SparkSession, *told: tuple[str, float]) -> list[tuple[str, float | None, float | None, bool]]:
    """Identity, first hour, last hour and whether shared, of reports (identity, hour)."""
    of = {"mmsi": MMSI, "mmsi_class": "ship", "event_type": "static", "source": "noaa"}
    rows = [
        tuple(
            {**of, "identity_id": who, "hour_at": at(hour), "observed_at": at(hour), "vessel_name": who}.get(c)
            for c in SILVER_IDENTITIES.columns
        )
        for who, hour in told
    ]
    found = vessel_spells(spark.createDataFrame(rows, spark_schema(SILVER_IDENTITIES)))
    assert found.columns == SILVER_VESSELS.columns
    return [
        (row.vessel_name, hour_of(row.valid_from_at), hour_of(row.valid_to_at), row.is_shared)
        for row in sorted(found.collect(), key=lambda row: row.valid_from_at)
    ]


def hour_of(instant: datetime | None) -> float | None:
    return None if instant is None else (instant - naive(0)).total_seconds() / 3_600


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        ([("A", 0), ("A", 300)], [("A", 0, None, False)]),
        ([("A", 0), ("A", 5), ("B", 9)], [("A", 0, 9, False), ("B", 9, None, False)]),
        (
            [("A", 0), ("B", 9), ("A", 40)],
            [("A", 0, 9, False), ("B", 9, 40, False), ("A", 40, None, False)],
        ),
        (
            [("A", 0), ("B", 1), ("A", 2), ("B", 3), ("A", 4)],
            [("A", 0, None, True), ("B", 1, None, True)],
        ),
        (
            [("A", 0), ("X", 1), ("A", 2), ("A", 30)],
            [("A", 0, None, True), ("X", 1, 1, True)],
        ),
    ],
    ids=["one", "another one", "and back", "two by turns", "once by mistake"],
)
def test_an_identity_holds_until_another_one_follows(
    spark: SparkSession, told: list[tuple[str, float]], wanted: list[tuple[str, float, float | None, bool]]
) -> None:
    assert spells(spark, *told) == wanted


def test_the_stream_folds_what_is_told_and_mends_what_it_believed_before(
    store: Store, settings: Settings, land: Land, position: Make
) -> None:
    def told(name: str, hour: float) -> dict[str, Any]:
        return position(event_type="static", vessel_name=name, observed_at_ms=START_MS + int(hour * 3.6e6))

    land(AIS, [told("A", 5), told("A", 5.1), told("B", 9)])
    run_flows([AIS_FLOW], settings, once=True)
    assert rows(store) == [("A", 5, 9), ("B", 9, None)]
    land(AIS, [told("A", 3), told("C", 12)])

    run_flows([AIS_FLOW], settings, once=True)

    assert rows(store) == [("A", 3, 9), ("B", 9, 12), ("C", 12, None)]
    assert store.read(SILVER_IDENTITIES).count() == 4


def test_a_stream_that_was_killed_before_it_folded_does_so_at_its_next_start(
    store: Store, settings: Settings, land: Land, position: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as killed:
        killed.setattr(vessel_fold, "_fold", lambda *_: {})
        land(AIS, [position(event_type="static", vessel_name="A", observed_at_ms=START_MS)])
        run_flows([AIS_FLOW], settings, once=True)
    assert rows(store) == []
    land(AIS, [position(mmsi=366053210)])

    run_flows([AIS_FLOW], settings, once=True)

    assert rows(store) == [("A", 0, None)]


def rows(store: Store) -> list[tuple[str, float | None, float | None]]:
    found = store.read(SILVER_VESSELS).collect()
    return sorted((row.vessel_name, hour_of(row.valid_from_at), hour_of(row.valid_to_at)) for row in found)


def test_a_report_says_who_a_segment_is_only_while_no_other_of_the_mmsi_is_heard(spark: SparkSession) -> None:
    segments = spark.createDataFrame(
        [
            ("one", MMSI, at(0), at(10), False),
            ("two", MMSI, at(4), at(20), False),
            ("noise", MMSI, at(15), at(16), True),
            ("mute", MMSI, at(100), at(120), False),
        ],
        "segment_id string, mmsi long, began_at timestamp, head_at timestamp, is_noise boolean",
    )
    identities = spark.createDataFrame(
        [
            (MMSI, "A", at(1)),
            (MMSI, "A", at(5)),
            (MMSI, "B", at(5.5)),
            (MMSI, "B", at(15.5)),
            (MMSI, "A", at(20.2)),
            (MMSI, "B", at(20.3)),
            (MMSI, "B", at(99.7)),  # these two more than a quarter of an hour off
        ],
        "mmsi long, identity_id string, observed_at timestamp",
    )

    found = segment_identities(segments, identities)

    assert {row.segment_id: (row.identity_id, row.hours_told) for row in found.collect()} == {
        "one": ("A", 1),
        "two": ("A", 1),
    }
