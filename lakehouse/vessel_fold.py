"""``silver.vessels`` from ``silver.identities``: about once a minute, of the MMSIs of which something was told."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from contracts.tables import SILVER_IDENTITIES, SILVER_VESSELS
from lakehouse.batch_facts import BatchFacts
from lakehouse.flows import Batch
from lakehouse.provenance import made_by
from lakehouse.reached import Reached, is_stream, reached
from lakehouse.store import Store, Txn
from lakehouse.transforms.vessel_spells import FIRST, IDENTITY, vessel_spells

FOLD_SECONDS = 60.0
"""How often: a merge is too dear for each batch, and a ship's identity hardly ever changes."""
MEMORY = "vessels"
KEY = [column.name for column in SILVER_VESSELS.key]


@dataclass(frozen=True, slots=True)
class Pending:
    """What the stream remembers of identities.

    Attributes:
        mmsi: Those of which something was told since the last fold.
        reached: Up to where identities are known.
        folded_s: When it was folded last, by a clock that never goes back; null in this process not yet.
    """

    mmsi: frozenset[int]
    reached: Reached
    folded_s: float | None = None


def note_identities(store: Store, batch: Batch, mmsi: Iterable[int], facts: BatchFacts) -> dict[str, int]:
    """Note of whom something was told, and fold now and then; the version of ``silver.vessels``, where it was written.

    Args:
        store: The lake.
        batch: The batch.
        mmsi: Of the identities that it has added.
        facts: Its figures.
    """
    before: Pending = batch.memory.get(MEMORY) or _from_tables(store, batch)
    after = replace(before, mmsi=before.mmsi | set(mmsi), reached=before.reached.after(batch, facts))
    batch.memory[MEMORY] = after
    is_due = after.folded_s is None or time.monotonic() - after.folded_s > FOLD_SECONDS
    if not after.mmsi or not (is_due or after.reached.by != before.reached.by or not is_stream(batch)):
        return {}
    return _fold(store, batch)


def finish(store: Store, batch: Batch) -> None:
    """Fold what is pending after the last batch of a stream that ends in order."""
    if MEMORY in batch.memory and batch.memory[MEMORY].mmsi:
        _fold(store, batch)


def _from_tables(store: Store, batch: Batch) -> Pending:
    known = reached(store, SILVER_VESSELS, store.version(SILVER_VESSELS))
    version = store.version_before(SILVER_IDENTITIES, batch.txn(SILVER_IDENTITIES))
    newer = store.read(SILVER_IDENTITIES, version).where(known.beyond()).select("mmsi").distinct()
    return Pending(frozenset(row["mmsi"] for row in newer.collect()), known)


def _fold(store: Store, batch: Batch) -> dict[str, int]:
    """Fold anew what is pending, and merge what differs. It needs no transaction id: twice changes nothing."""
    pending: Pending = batch.memory[MEMORY]
    batch.memory[MEMORY] = replace(pending, mmsi=frozenset(), folded_s=time.monotonic())
    version = store.version(SILVER_IDENTITIES)
    of = F.broadcast(store.spark.createDataFrame([(mmsi,) for mmsi in sorted(pending.mmsi)], "mmsi long"))
    known = store.read(SILVER_VESSELS).join(of, "mmsi", "left_semi").select(SILVER_VESSELS.columns).localCheckpoint()
    identities = store.read(SILVER_IDENTITIES, version).join(of, "mmsi", "left_semi")
    folded = vessel_spells(_told(identities, known)).localCheckpoint()
    gone = known.select(KEY).subtract(folded.select(KEY)).collect()
    if gone:
        store.erase(SILVER_VESSELS, _named(gone), Txn(f"{batch.app_id}:gone", batch.batch_id))
    changed = folded.subtract(known)
    if changed.isEmpty():
        return {}
    said = {"inputs": {SILVER_IDENTITIES.name: version}, **made_by((SILVER_VESSELS,)), **pending.reached.said}
    return {SILVER_VESSELS.name: store.upsert(SILVER_VESSELS, changed, metadata=said)}


def _told(identities: DataFrame, known: DataFrame) -> DataFrame:
    """Reports of the MMSIs; a lake from before ``silver.identities`` knows some by ``silver.vessels`` alone."""
    columns = [*IDENTITY, "observed_at", *FIRST]
    of_before = known.withColumn("observed_at", F.col("valid_from_at")).select(columns)
    return identities.select(columns).unionByName(of_before).dropDuplicates([*IDENTITY, "observed_at"])


def _named(rows: Iterable[Any]) -> str:
    same = (
        f"(mmsi = {row['mmsi']} AND identity_id = '{row['identity_id']}' "
        f"AND valid_from_at = TIMESTAMP'{row['valid_from_at']:%Y-%m-%d %H:%M:%S.%f}')"
        for row in rows
    )
    return reduce("{} OR {}".format, same)
