"""What a run of the whole line says: freshness, lag, memory, where the time goes, and whether every record is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from deltalake import DeltaTable

from bench.commits import Commit, latencies
from bench.monitor import Sample
from bench.workplace import topic_bytes
from contracts.settings import Settings
from contracts.tables import BRONZE_AIS, GOLD_VESSEL_DAY, SILVER_LATE, SILVER_POSITIONS, SILVER_QUARANTINE, Table
from contracts.topics import AIS
from lakehouse.ledger import entries
from lakehouse.upkeep import log

STREAMS = ("bronze.ais", "silver.ais", "gold.vessels")
TABLES = (BRONZE_AIS, SILVER_POSITIONS, SILVER_QUARANTINE, SILVER_LATE)
FLAT_S = 1.0
"""Lag is flat when its mean in the second half exceeds that of the first by less than so many seconds of load."""
KEPT = 0.99
"""A publisher that sent less than this share of the rate has not kept it."""


def verdict(
    settings: Settings,
    rate: int,
    window: tuple[float, float],
    pacer: Mapping[str, Any],
    samples: Sequence[Sample],
    silver: Sequence[Commit],
) -> dict[str, Any]:
    """Figures of the window (epoch seconds); the identity is of the whole run, warm-up included."""
    inside = [sample for sample in samples if window[0] <= sample.at < window[1]]
    lag = lag_figures([sample.lag for sample in inside], rate)
    sent_rate = pacer["sent"] / (pacer["ended_at"] - pacer["started_at"])
    identity = identity_figures(settings, pacer["delivered"])
    return {
        "rate": rate,
        "sent_per_s": sent_rate,
        "most_behind_s": pacer["most_behind_s"],
        "is_held": bool(sent_rate >= KEPT * rate and lag["is_flat"] and identity["holds"]),
        "latency_s": latency_figures(latencies(silver, *window)),
        "lag": lag,
        "peak_rss_mb": peak_memory(samples),
        "cores_used": cores_used(inside),
        "streams": [stream_figures(settings, stream, window) for stream in STREAMS],
        "disk_bytes_per_event": topic_bytes(settings, AIS) / pacer["delivered"],
        "compression": settings.kafka_compression,
        "identity": identity,
    }


def latency_figures(seconds: np.ndarray) -> dict[str, float | int]:
    """Publish to visible in Silver, per position."""
    if not len(seconds):
        return {"positions": 0}
    p50, p95, p99 = np.percentile(seconds, (50, 95, 99)).tolist()
    return {"positions": len(seconds), "p50": p50, "p95": p95, "p99": p99, "max": float(seconds.max())}


def lag_figures(lags: Sequence[int], rate: int) -> dict[str, Any]:
    """Records behind, sampled each second: the halves of the window against each other."""
    half = len(lags) // 2
    if not half:
        return {"is_flat": False}
    first, second = float(np.mean(lags[:half])), float(np.mean(lags[half:]))
    is_flat = second - first < FLAT_S * rate
    return {"mean_first_half": first, "mean_second_half": second, "max": max(lags), "is_flat": is_flat}


def peak_memory(samples: Sequence[Sample]) -> dict[str, int]:
    """Most memory of each role, and of all at one time, in megabytes."""
    roles = samples[0].rss_bytes
    peak = {role: max(sample.rss_bytes[role] for sample in samples) // 1_000_000 for role in roles}
    return {**peak, "all": max(sum(sample.rss_bytes.values()) for sample in samples) // 1_000_000}


def cores_used(samples: Sequence[Sample]) -> dict[str, float]:
    """Mean number of cores that each role kept busy."""
    if len(samples) < 2:
        return {}
    first, last = samples[0], samples[-1]
    return {role: (last.cpu_s[role] - first.cpu_s[role]) / (last.at - first.at) for role in first.cpu_s}


def stream_figures(settings: Settings, stream: str, window: tuple[float, float]) -> dict[str, Any]:
    """A stream's batches that began in the window, by the ledger. ``busy_share``: of the time, one was running."""
    rows = [e for e in entries(settings.lake, stream) if window[0] <= e["started_at"].timestamp() < window[1]]
    seconds = [(entry["finished_at"] - entry["started_at"]).total_seconds() for entry in rows]
    if not rows:
        return {"stream": stream, "batches": 0}
    return {
        "stream": stream,
        "batches": len(rows),
        "rows_per_batch": sum(entry["rows_read"] for entry in rows) / len(rows),
        "batch_p50_s": float(np.median(seconds)),
        "batch_p95_s": float(np.percentile(seconds, 95)),
        "busy_share": sum(seconds) / (window[1] - window[0]),
    }


def identity_figures(settings: Settings, delivered: int) -> dict[str, Any]:
    """Published records against the ledger and against what the tables hold."""
    ledger = {stream: _outcomes(settings, stream) for stream in STREAMS}
    held = {table.name: _rows(settings, table) for table in TABLES}
    silver = ledger["silver.ais"]
    counted = _counted_in_gold(settings)
    holds = (
        delivered == held[BRONZE_AIS.name] == ledger["bronze.ais"]["accepted"] == silver["read"]
        and silver["read"] == sum(silver[name] for name in ("accepted", "quarantined", "duplicate", "late"))
        and silver["accepted"] == held[SILVER_POSITIONS.name] == counted
        and silver["quarantined"] == held[SILVER_QUARANTINE.name]
        and silver["late"] == held[SILVER_LATE.name]
    )
    return {"holds": holds, "published": delivered, "ledger": ledger, "tables": held, "counted_in_gold": counted}


def _outcomes(settings: Settings, stream: str) -> dict[str, int]:
    rows = entries(settings.lake, stream)
    names = ("read", "accepted", "quarantined", "duplicate", "late")
    return {name: sum(entry[f"rows_{name}"] for entry in rows) for name in names}


def _rows(settings: Settings, table: Table) -> int:
    path = f"{settings.lake}/{table.path}"
    return sum(log.actions(path)["num_records"].to_pylist()) if DeltaTable.is_deltatable(path) else 0


def _counted_in_gold(settings: Settings) -> int:
    days = DeltaTable(f"{settings.lake}/{GOLD_VESSEL_DAY.path}").to_pyarrow_table(columns=["position_count"])
    return int(np.sum(days.column(0).to_numpy()))
