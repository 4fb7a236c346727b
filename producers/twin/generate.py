"""Make a twin: sail the fleet, read its reports off, spoil some, write all in the order of publishing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from contracts.tables import SILVER_SHIP_REGISTER
from producers.twin import faults, journal, reports, telemetry
from producers.twin.config import TwinConfig, TwinSummary
from producers.twin.fuel import Burn, burn
from producers.twin.register import Ship, fleet
from producers.twin.truth import Tally, write_summary, write_truth
from producers.twin.voyages import Track, sail
from producers.twin.wire import Instants, Outbox, event_ids, lines

FILES = ("ais", "sensors", "voyage_events", "alerts")
_DAY_MS = 86_400_000
_ROWS_AT_ONCE = 300_000

Progress = Callable[[str, float], None]
"""Told what is being done and the share that is done."""


def generate(config: TwinConfig, out: Path, progress: Progress = lambda *_: None) -> TwinSummary:
    """Write a twin into a folder: event files by topic, ``register.csv`` and ``truth/``.

    Args:
        config: What to make; the same values make the same bytes.
        out: Folder; made if absent, files of an earlier twin in it are replaced.
        progress: Called now and then.
    """
    started = time.monotonic()
    out.mkdir(parents=True, exist_ok=True)
    ships = fleet(config)
    tracks = []
    for ship in ships:
        tracks.append(sail(ship, config))
        progress("Sailing the fleet", len(tracks) / len(ships))
    crew, tally = tracks[: config.ships], Tally()
    burnt = [burn(track) for track in crew]
    fuel = [journal.fuel_by_day(track, b, config) for track, b in zip(crew, burnt, strict=True)]
    _write_register(out, ships[: config.ships])
    write_truth(out / "truth", crew, pl.concat(fuel, how="diagonal"), config)
    _write_journal(out, crew, fuel, config, tally)
    _write_sensors(out, crew, burnt, config, tally, progress)
    _write_ais(out, tracks, config, tally, progress)
    summary = write_summary(out / "truth", tally, config)
    return TwinSummary(
        folder=out, ships=config.ships, days=config.days, seconds=round(time.monotonic() - started, 2),
        lines={name: summary["topics"][name]["lines"] for name in FILES},
        bytes={name: _file(out, name).stat().st_size for name in FILES}, truth=summary,
    )  # fmt: skip


def _file(out: Path, name: str) -> Path:
    return out / f"{name}.jsonl.gz"


def _write_register(out: Path, ships: Sequence[Ship]) -> None:
    rows = pl.DataFrame([ship.register_row() for ship in ships])
    rows.select(SILVER_SHIP_REGISTER.columns).write_csv(out / "register.csv")


def _write_journal(
    out: Path, crew: Sequence[Track], fuel: Sequence[pl.DataFrame], config: TwinConfig, tally: Tally
) -> None:
    voyages = [item for track in crew for item in journal.voyage_lines(track, config)]
    noons = [item for track, days in zip(crew, fuel, strict=True) for item in journal.fuel_lines(track, days, config)]
    alerts = [item for track in crew for item in journal.alert_lines(track, config)]
    rng = np.random.default_rng([config.seed, 7])
    for name, parts in (
        ("voyage_events", {"voyage": voyages, "fuel_report": noons}),
        ("alerts", {"alert": alerts}),
    ):
        outbox = Outbox(_file(out, name))
        for kind, items in parts.items():
            times = np.array([at_ms for at_ms, _ in items], np.int64)
            _add(outbox, tally, name, kind, times, [text for _, text in items], config, rng)
        outbox.close()


def _write_sensors(
    out: Path,
    crew: Sequence[Track],
    burnt: Sequence[Burn],
    config: TwinConfig,
    tally: Tally,
    progress: Progress,
) -> None:
    outbox = Outbox(_file(out, "sensors"))
    engine, weather = [], []
    for track, b in zip(crew, burnt, strict=True):
        engine.append(telemetry.engine_readings(track, b, config))
        weather.append(telemetry.weather_readings(track, config))
    rng = np.random.default_rng([config.seed, 8])
    rows = {"engine": pl.concat(engine), "environment": pl.concat(weather)}
    for since_ms, until_ms in _chunks(config, 24 * config.ships):
        for kind, all_rows in rows.items():
            # A reading is stamped at the end of its step, so a day's last one bears the next day's first
            # instant.
            part = all_rows.filter(pl.col("observed_at_ms").is_between(since_ms, until_ms, closed="right"))
            part = part.sort("observed_at_ms", maintain_order=True)
            times = part["observed_at_ms"].to_numpy()
            _add(outbox, tally, "sensors", kind, times, lines(part, kind), config, rng)
        outbox.write_until(until_ms)
        progress("Writing engine and weather readings", _share(config, until_ms))
    outbox.close()


def _add(
    outbox: Outbox, tally: Tally, name: str, kind: str, times: Instants, texts: list[str], config: TwinConfig,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    """Hand over events, some of them twice."""
    outbox.add(times, texts)
    again = np.flatnonzero(rng.random(len(texts)) < config.faults.duplicate)
    outbox.add(faults.resend_at_ms(times[again], rng), [texts[i] for i in again])
    tally.count(name, kind, len(texts))
    tally.count(name, "duplicate", len(again))


def _write_ais(out: Path, tracks: Sequence[Track], config: TwinConfig, tally: Tally, progress: Progress) -> None:
    outbox = Outbox(_file(out, "ais"))
    gaps = {track.ship.index: faults.silences(track.ship, config) for track in tracks}
    doubled = {track.ship.mmsi for track in tracks[config.ships :]}
    sharing = {track.ship.index: track.ship.imo_number for track in tracks if track.ship.mmsi in doubled}
    for track in tracks[config.ships :]:
        tally.fault("shared_mmsi", track.ship.mmsi, 1)
    for number, (since_ms, until_ms) in enumerate(_chunks(config, _reports_a_day(config))):
        rng = np.random.default_rng([config.seed, 9, number])
        _add_positions(outbox, tally, tracks, gaps, sharing, config, (since_ms, until_ms), rng)
        _add_statics(outbox, tally, tracks, gaps, config, (since_ms, until_ms), rng)
        outbox.write_until(until_ms)
        progress("Writing AIS reports", _share(config, until_ms))
    outbox.close()


def _add_positions(
    outbox: Outbox, tally: Tally, tracks: Sequence[Track], gaps: dict[int, list[faults.Silence]],
    sharing: Mapping[int, int],
    config: TwinConfig, span: tuple[int, int], rng: np.random.Generator,
) -> None:  # fmt: skip
    parts, senders = [], []
    for track in tracks:
        rows = reports.positions(track, config, *span, rng)
        silent = faults.is_silent(rows["observed_at_ms"].to_numpy(), gaps[track.ship.index])
        tally.fault("gap", track.ship.mmsi, int(silent.sum()))
        parts.append(rows.filter(~pl.Series(silent)))
        senders.append(np.full(len(parts[-1]), track.ship.index))
    dirty = faults.spoil(pl.concat(parts), np.concatenate(senders), list(sharing), config, rng)
    texts = lines(dirty.rows.with_columns(ais_class=pl.lit("A")), "position")
    outbox.add(dirty.publish_at_ms, texts)
    again, broken = np.flatnonzero(dirty.where("duplicate")), np.flatnonzero(dirty.where("broken"))
    outbox.add(faults.resend_at_ms(dirty.publish_at_ms[again], rng), [texts[i] for i in again])
    outbox.add(dirty.publish_at_ms[broken] + 1, faults.broken_lines([texts[i] for i in broken]))
    tally.count("ais", "position", len(texts))
    tally.count("ais", "duplicate", len(again))
    tally.count("ais", "broken", len(broken))
    tally.senders(event_ids(texts), dirty, sharing)
    tally.positions(dirty, [track.ship.mmsi for track in tracks])


def _add_statics(
    outbox: Outbox, tally: Tally, tracks: Sequence[Track], gaps: dict[int, list[faults.Silence]],
    config: TwinConfig,
    span: tuple[int, int], rng: np.random.Generator,
) -> None:  # fmt: skip
    for track in tracks:
        rows = reports.statics(track, config, *span)
        rows = rows.filter(~pl.Series(faults.is_silent(rows["observed_at_ms"].to_numpy(), gaps[track.ship.index])))
        rows, is_bad = faults.with_bad_imo(rows, config.faults.bad_imo, rng)
        tally.fault("bad_imo", track.ship.mmsi, int(is_bad.sum()))
        tally.count("ais", "static", len(rows))
        outbox.add(rows["observed_at_ms"].to_numpy(), lines(rows.with_columns(ais_class=pl.lit("A")), "static"))


def _reports_a_day(config: TwinConfig) -> int:
    return config.ships * 86_400 // (config.every_s or 8)


def _chunks(config: TwinConfig, rows_a_day: int) -> Iterator[tuple[int, int]]:
    """Spans of whole days that hold no more rows than memory likes; at least a day each."""
    days = max(1, _ROWS_AT_ONCE // max(rows_a_day, 1))
    for day in range(0, config.days, days):
        yield config.start_ms + day * _DAY_MS, config.start_ms + min(day + days, config.days) * _DAY_MS


def _share(config: TwinConfig, until_ms: int) -> float:
    return (until_ms - config.start_ms) / (config.end_ms - config.start_ms)
