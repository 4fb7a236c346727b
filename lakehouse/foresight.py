"""What would become of events that are not published yet: judged as if they came to their topic now."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StringType

from contracts.settings import Settings
from contracts.tables import BRONZE, SILVER_IDENTITIES, SILVER_LATE, SILVER_SEGMENTS, SILVER_VESSELS
from contracts.topics import Topic
from lakehouse import replays
from lakehouse.rejudge import judged, limits_of_now
from lakehouse.replay_account import Account, accounts
from lakehouse.schema import spark_schema
from lakehouse.silver import CLEANINGS, Cleaning
from lakehouse.store import Store

NO_BATCH = -1


@dataclass(frozen=True, slots=True)
class Coming:
    """An event as it would be published, and the rule that refused the record it was read from."""

    rule: str
    key: str
    value: str
    headers: Sequence[tuple[str, bytes]]


def foresee(spark: SparkSession, settings: Settings, topic: Topic, events: Sequence[Coming]) -> list[Account]:
    """One account per rule of what the lake would make of events, in their order. Nothing is written to it.

    Args:
        spark: A session.
        settings: The lake and the limits of the rules.
        topic: Where the events would come.
        events: All of them.
    """
    cleaning = next(cleaning for cleaning in CLEANINGS if cleaning.topic == topic)
    table, now = BRONZE[topic], datetime.now(UTC)
    rows = [
        (topic.name, 0, n, now, one.key.encode(), one.value.encode(), list(one.headers), now, now.date(), one.rule)
        for n, one in enumerate(events)
    ]
    records = spark.createDataFrame(rows, spark_schema(table).add("first_rule", StringType()))
    held = records.withColumns({"held_by": F.lit(None).cast("string"), "batch_id": F.lit(NO_BATCH).cast("long")})
    with _lake(cleaning, spark, settings) as store:
        intent = replays.new_intent(store.root, topic, None, dict.fromkeys(replays.JUDGED, 0))
        limits = limits_of_now(cleaning, store, settings, NO_BATCH)
        with judged(cleaning, store, settings, intent, held, limits) as case:
            return accounts(case)


@contextmanager
def _lake(cleaning: Cleaning, spark: SparkSession, settings: Settings) -> Iterator[Store]:
    """The lake, or where Silver has not run yet an empty one for this question."""
    store = Store(spark, settings.lake)
    if store.exists(cleaning.table):
        yield store
        return
    with tempfile.TemporaryDirectory(prefix="maritime-empty-lake-") as folder:
        store = Store(spark, folder)
        for table in (cleaning.table, SILVER_LATE, SILVER_SEGMENTS, SILVER_IDENTITIES, SILVER_VESSELS):
            store.create(table)
        yield store
