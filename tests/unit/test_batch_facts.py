"""What the driver works out from a batch's figures, without Spark."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from lakehouse.batch_facts import MOST_SPANS, BatchFacts, Bucket
from lakehouse.ledger import OffsetRange

HOUR_MS = 3_600_000
START = datetime(2024, 1, 1, tzinfo=UTC)
START_MS = int(START.timestamp() * 1000)


def bucket(first_ms: int, last_ms: int, records: int = 1, source: str = "noaa", **more: int) -> Bucket:
    place = {"kafka_partition": 0, "first_offset": 0, "last_offset": 0, **more}
    return Bucket(
        kafka_topic="t",
        source=source,
        event_type="position",
        is_lawful=True,
        bucket=first_ms // 600_000,
        records=records,
        identities=0,
        first_ms=first_ms,
        last_ms=last_ms,
        **place,
    )


def test_the_spans_hold_every_record_and_leave_out_the_widest_gaps() -> None:
    buckets = [bucket(START_MS + i * HOUR_MS, START_MS + i * HOUR_MS + 5) for i in range(200)]
    far = bucket(START_MS + 10_000 * HOUR_MS, START_MS + 10_000 * HOUR_MS + 5)

    spans = BatchFacts((*buckets, far)).event_times()

    assert len(spans) <= MOST_SPANS
    assert all(any(a <= (b.first_ms or 0) and (b.last_ms or 0) <= z for a, z in spans) for b in (*buckets, far))
    assert spans[-1] == (far.first_ms, far.last_ms)


def test_overlapping_times_are_one_span() -> None:
    facts = BatchFacts((bucket(0, 100), bucket(50, 60), bucket(90, 200)))

    assert facts.event_times() == [(0, 200)]
    assert BatchFacts(()).event_times() == []


def test_the_watermark_is_the_median_of_its_source_and_never_goes_back() -> None:
    wild = bucket(START_MS + 23 * HOUR_MS, START_MS + 23 * HOUR_MS, records=3)
    facts = BatchFacts((bucket(START_MS, START_MS, records=97), wild, bucket(START_MS - HOUR_MS, 0, source="twin")))

    marks = facts.watermarks({"twin": START})

    assert marks == {"noaa": START, "twin": START}
    assert facts.has_late({"noaa": START + timedelta(seconds=1)})
    assert not facts.has_late({"noaa": START})


def test_offsets_are_half_open_ranges_per_partition() -> None:
    facts = BatchFacts(
        (
            bucket(0, 0, first_offset=5, last_offset=9, kafka_partition=3),
            bucket(0, 0, first_offset=7, last_offset=12, kafka_partition=3),
        )
    )

    assert facts.ranges == (OffsetRange("t", 3, 5, 13),)
