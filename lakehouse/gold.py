"""Silver to Gold: each vessel's last position and its day in figures, as the positions come in.

All kinds of stations are shown, not only ships: every accepted position counts in one vessel-day, so that
the sum of ``position_count`` is the row count of Silver. As a script: ``spark-submit lakehouse/gold.py``.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import partial

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from contracts.settings import Settings
from contracts.tables import GOLD_VESSEL_DAY, GOLD_VESSEL_LATEST, SILVER_POSITIONS
from lakehouse.flows import Batch, Flow, delta_source
from lakehouse.ledger import Entry
from lakehouse.runner import main
from lakehouse.store import Store
from lakehouse.transforms.vessel_day import POSITION, added, out_of_order, recomputed
from lakehouse.transforms.vessel_latest import latest

NEEDED = list(dict.fromkeys([*POSITION, *GOLD_VESSEL_LATEST.columns]))
NEWER = "new.observed_at > old.observed_at"


def update_vessels(store: Store, settings: Settings, batch: Batch) -> Entry:
    """Bring both vessel tables up to date with a batch of accepted positions.

    The day comes first: it needs each vessel's last position as it was before the batch. A batch that is
    replayed after a crash skips what it has committed already, since adding it again would count it twice.
    """
    positions = batch.rows.select(*NEEDED).persist()
    try:
        facts = positions.agg(F.count(F.lit(1)).alias("rows"), F.collect_set("observed_on").alias("days")).first()
        rows, days = (facts["rows"], facts["days"]) if facts else (0, [])
        if rows:
            _update_days(store, settings, batch, positions, days)
            batch.crash_point("after_days")
            store.upsert(GOLD_VESSEL_LATEST, latest(positions), batch.txn(GOLD_VESSEL_LATEST), only_if=NEWER)
    finally:
        positions.unpersist()
    return Entry(
        stream=batch.flow,
        batch_id=batch.batch_id,
        app_id=batch.app_id,
        ranges=(),
        rows_read=rows,
        rows_accepted=rows,
        started_at=batch.started_at,
        finished_at=datetime.now(UTC),
        versions={table.name: store.version(table) for table in (GOLD_VESSEL_DAY, GOLD_VESSEL_LATEST)},
    )


def _update_days(store: Store, settings: Settings, batch: Batch, positions: DataFrame, days: list[date]) -> None:
    txn = batch.txn(GOLD_VESSEL_DAY)
    done = store.transaction(GOLD_VESSEL_DAY, txn.app_id)
    if done is not None and done >= txn.version:
        return
    stored = store.read(GOLD_VESSEL_DAY).where(_on(days))
    known = store.read(GOLD_VESSEL_LATEST)
    earlier = out_of_order(stored, known, positions).persist()
    earlier_days = [row["observed_on"] for row in earlier.select("observed_on").distinct().collect()]
    in_order = positions.join(earlier.select("mmsi").distinct(), "mmsi", "left_anti")
    rows = added(stored, known, in_order, settings.jump_limit_kn)
    if earlier_days:
        around = sorted({day + timedelta(days=n) for day in earlier_days for n in (-1, 0, 1)})
        history = store.read(SILVER_POSITIONS).where(_on(around))
        rows = rows.unionByName(recomputed(earlier, history, settings.jump_limit_kn))
        days = sorted({*days, *around})
    rows = rows.persist()
    try:
        store.upsert(GOLD_VESSEL_DAY, rows, txn, only_old=_literal(days))
    finally:
        rows.unpersist()
        earlier.unpersist()


def _on(days: list[date]) -> Column:
    """The days as literals, so that Delta leaves the files of all others unread."""
    return F.col("observed_on").isin(days)


def _literal(days: list[date]) -> str:
    return "old.observed_on IN ({})".format(", ".join(f"DATE'{day}'" for day in sorted(days)))


GOLD_FLOWS = [
    Flow(
        name="gold.vessels",
        source=partial(delta_source, SILVER_POSITIONS),
        tables=(GOLD_VESSEL_DAY, GOLD_VESSEL_LATEST),
        process=update_vessels,
        pause="gold_trigger_seconds",
    )
]

if __name__ == "__main__":
    main(GOLD_FLOWS)
