"""What the driver must know of a batch before it judges duplicates and lateness: a few columns of its records."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import reduce
from itertools import accumulate, pairwise

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse.ledger import OffsetRange

BUCKET_MS = 600_000
"""Event times are counted in buckets of ten minutes: fine against a lateness of hours, few enough for the driver."""
COUNTED = ("kafka_topic", "kafka_partition", "kafka_offset", "source", "event_type", "observed_at_ms")
SPANS = ("kafka_offset", "observed_at_ms")
MOST_SPANS = 32
"""Event times are told to Delta as so many spans at most, cut at their widest gaps."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """Records of one partition, source, event type and ten minutes of event time."""

    kafka_topic: str
    kafka_partition: int
    source: str | None
    event_type: str | None
    is_lawful: bool
    bucket: int | None
    records: int
    identities: int
    first_offset: int
    last_offset: int
    first_ms: int | None
    last_ms: int | None


@dataclass(frozen=True, slots=True)
class BatchFacts:
    """A batch in figures.

    Attributes:
        buckets: Its records, counted.
        rows: Its lawful records in a few columns, in any order; null where nobody asked for them.
    """

    buckets: tuple[Bucket, ...]
    rows: pa.Table | None = field(default=None, compare=False, repr=False)

    @property
    def records(self) -> int:
        """Records of the batch."""
        return sum(b.records for b in self.buckets)

    @property
    def quarantined(self) -> int:
        """Records that broke a rule."""
        return sum(b.records for b in self.buckets if not b.is_lawful)

    def lawful(self, *event_types: str) -> int:
        """Lawful records of these event types."""
        return sum(b.records for b in self.buckets if b.is_lawful and b.event_type in event_types)

    @property
    def identities(self) -> int:
        """Lawful records that say who a vessel is."""
        return sum(b.identities for b in self.buckets if b.is_lawful)

    @property
    def ranges(self) -> tuple[OffsetRange, ...]:
        """Offsets ``[start, end)`` seen per partition."""
        spans: dict[tuple[str, int], list[Bucket]] = defaultdict(list)
        for bucket in self.buckets:
            spans[bucket.kafka_topic, bucket.kafka_partition].append(bucket)
        return tuple(
            OffsetRange(topic, partition, min(b.first_offset for b in of), max(b.last_offset for b in of) + 1)
            for (topic, partition), of in sorted(spans.items())
        )

    def event_times(self) -> list[tuple[int, int]]:
        """Spans of event time (ms, both ends included) that hold all lawful records: ``MOST_SPANS`` at most."""
        spans = sorted((b.first_ms or 0, b.last_ms or 0) for b in self._timed())
        reach = list(accumulate((last for _, last in spans), max))
        gaps = sorted(range(1, len(spans)), key=lambda i: reach[i - 1] - spans[i][0])[: MOST_SPANS - 1]
        cuts = [0, *sorted(i for i in gaps if spans[i][0] > reach[i - 1]), len(spans)]
        return [(spans[i][0], reach[j - 1]) for i, j in pairwise(cuts) if j > i]

    def watermarks(self, before: Mapping[str, datetime]) -> dict[str, datetime]:
        """Event time reached per source: the batch's median, never going back.

        The median and not the greatest: a few stamps hours ahead of their neighbours must not make the rest late.
        """
        after = dict(before)
        for source in {b.source for b in self._timed()}:
            median = _median([b for b in self._timed() if b.source == source])
            if source is not None and (source not in after or median > after[source]):
                after[source] = median
        return after

    def has_late(self, limits: Mapping[str, datetime]) -> bool:
        """Whether any lawful record may be behind its source's limit."""
        return any(_instant(b.first_ms) < limits[b.source] for b in self._timed() if b.source and b.source in limits)

    def _timed(self) -> list[Bucket]:
        return [b for b in self.buckets if b.is_lawful and b.first_ms is not None]


def batch_facts(judged: DataFrame, also: Sequence[str] = ()) -> BatchFacts:
    """Count a judged batch. This is the action that fills its cache.

    A few columns of each record come to the driver and are counted there: a shuffle would cost more than it spares.

    Args:
        judged: The batch.
        also: Further columns by which its records are judged; given, the lawful records are kept in ``rows``.
    """
    is_identity = F.col("identity_id").isNotNull() if "identity_id" in judged.columns else F.lit(False)
    flags = (F.col("rule").isNull().alias("is_lawful"), is_identity.alias("is_identity"))
    rows = judged.select(*COUNTED, *flags, *also).toArrow()
    return BatchFacts(counted(rows), rows.filter(rows["is_lawful"]) if also else None)


def counted(rows: pa.Table) -> tuple[Bucket, ...]:
    """The records in buckets, in the order of these. Pure.

    Args:
        rows: ``COUNTED``, ``is_lawful`` and ``is_identity`` of each record.
    """
    bucket = pc.divide(rows["observed_at_ms"], BUCKET_MS)
    keys = ["kafka_topic", "kafka_partition", "source", "event_type", "is_lawful", "bucket"]
    found = (
        rows.append_column("bucket", bucket)
        .group_by(keys)
        .aggregate(
            [([], "count_all"), ("is_identity", "sum"), *((name, each) for name in SPANS for each in ("min", "max"))]
        )
        .sort_by([(name, "ascending") for name in keys])
    )
    measures = ["count_all", "is_identity_sum", *(f"{name}_{each}" for name in SPANS for each in ("min", "max"))]
    return tuple(Bucket(*row.values()) for row in found.select([*keys, *measures]).to_pylist())


def within(spans: Iterable[tuple[int, int]]) -> Column:
    """True where ``observed_at`` lies in one of the spans: literals, so that Delta skips the other files."""
    clauses = (F.col("observed_at").between(F.lit(_instant(a)), F.lit(_instant(b))) for a, b in spans)
    return reduce(Column.__or__, clauses, F.lit(False))


def within_hours(spans: Iterable[tuple[int, int]]) -> Column:
    """True where ``hour_at`` is an hour of one of the spans."""
    clauses = (F.col("hour_at").between(F.date_trunc("hour", F.lit(_instant(a))), F.lit(_instant(b))) for a, b in spans)
    return reduce(Column.__or__, clauses, F.lit(False))


def lateness_limits(watermarks: Mapping[str, datetime], late_after_hours: float) -> dict[str, datetime]:
    """Per source, the instant before which a record is late."""
    return {source: mark - timedelta(hours=late_after_hours) for source, mark in watermarks.items()}


def is_late(limits: Mapping[str, datetime]) -> Column:
    """True where ``observed_at`` is behind the limit of its ``source``."""
    clauses = ((F.col("source") == source) & (F.col("observed_at") < F.lit(limit)) for source, limit in limits.items())
    return reduce(Column.__or__, clauses, F.lit(False))


def _median(buckets: list[Bucket]) -> datetime:
    half, seen = sum(b.records for b in buckets) / 2, 0
    for bucket in sorted(buckets, key=lambda b: b.bucket or 0):
        seen += bucket.records
        if seen >= half:
            return _instant(bucket.first_ms)
    raise ValueError("no records")


def _instant(ms: int | None) -> datetime:
    return datetime.fromtimestamp((ms or 0) / 1000, UTC)
