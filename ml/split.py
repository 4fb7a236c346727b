"""Which labelled days the model learns from, and which it is judged by."""

from __future__ import annotations

import datetime as dt
import zlib
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from contracts.errors import InputError
from lakehouse.transforms.features import HORIZON_DAYS

TRAIN_SHARE_OF_DAYS = 0.6
TEST_EVERY = 3
"""Every third vessel is held out."""


@dataclass(frozen=True, slots=True)
class Split:
    """Training and test days. A test vessel is never trained on; a test day is after all that training saw.

    Training days end ``HORIZON_DAYS`` before ``cut_on``, since their labels look that far ahead.
    """

    train: DataFrame
    test: DataFrame
    cut_on: dt.date
    test_vessels: list[int]


def split_by_vessel_and_time(labelled: DataFrame) -> Split:
    """Hold out every third vessel, and of those the days after the cut.

    Vessels are dealt out by whether they fail after the cut, before it or never, so that both parts hold
    failures, and within these by a hash of their MMSI, so that the deal is always the same.

    Raises:
        InputError: There are too few days or failures for both parts.
    """
    first_on, last_on = _one(labelled.agg(F.min("observed_on"), F.max("observed_on")))
    if first_on is None:
        raise InputError(f"No day has {HORIZON_DAYS} known days after it: publish a longer period.")
    cut_on = first_on + dt.timedelta(days=round((last_on - first_on).days * TRAIN_SHARE_OF_DAYS))
    test_vessels = _deal(labelled, cut_on)
    is_test_vessel = F.col("mmsi").isin(test_vessels)
    train_until = cut_on - dt.timedelta(days=HORIZON_DAYS)
    split = Split(
        train=labelled.filter(~is_test_vessel & (F.col("observed_on") <= train_until)),
        test=labelled.filter(is_test_vessel & (F.col("observed_on") > cut_on)),
        cut_on=cut_on,
        test_vessels=test_vessels,
    )
    for name, part in (("learn from", split.train), ("be judged by", split.test)):
        if len(part.select("needs_maintenance").distinct().collect()) < 2:
            raise InputError(f"Too few failures to {name}: give more ships or a longer period.")
    return split


def _deal(labelled: DataFrame, cut_on: dt.date) -> list[int]:
    fails_after = F.max(F.col("needs_maintenance") & (F.col("observed_on") > cut_on))
    vessels = labelled.groupBy("mmsi").agg(fails_after.alias("after"), F.max("needs_maintenance").alias("ever"))
    dealt = sorted(vessels.collect(), key=lambda row: (not row.after, not row.ever, zlib.crc32(str(row.mmsi).encode())))
    return [row.mmsi for row in dealt[::TEST_EVERY]]


def _one(rows: DataFrame) -> tuple[dt.date | None, dt.date]:
    row = rows.collect()[0]
    return row[0], row[1]
