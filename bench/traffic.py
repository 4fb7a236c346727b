"""Generated traffic: position reports of made-up vessels on straight courses, every event different.

No real vessel is in it, and every event says ``"source":"generated"``. Events are written as text at once, since a
generator that shares two cores with what it measures must be cheap; a test holds them to the contract.
"""

from __future__ import annotations

from typing import cast

import numpy as np
from confluent_kafka import Producer

from contracts.events import event_id
from contracts.settings import Settings
from contracts.topics import AIS
from infra.console import say
from infra.kafka import producer_config
from producers.feeds.base import Batch, event_headers
from producers.publisher import Publisher, Wire

SOURCE = "generated"
SEED = 60_301
FIRST_MMSI = 201_000_000
MMSI_STEP = 9_001  # spreads 60,000 vessels over the countries' numbers
WORLD_PER_MS = 6  # the world's ships send about 6,000 positions a second
KN_IN_DEG_PER_MS = 1 / 60 / 3_600_000
CHUNK = 10_000


class Traffic:
    """So many vessels from one instant on; event ``n`` is a report of vessel ``n % vessels``."""

    def __init__(self, vessels: int, start_ms: int) -> None:
        rng = np.random.default_rng(SEED)
        self._start_ms = start_ms
        self._mmsi = FIRST_MMSI + np.arange(vessels) * MMSI_STEP
        self._lat, self._lon = rng.uniform(-60, 70, vessels), rng.uniform(-170, 170, vessels)
        is_moving = rng.random(vessels) < 0.6
        self._sog = np.where(is_moving, rng.uniform(4, 22, vessels), 0.0).round(1)
        self._cog = rng.uniform(0, 359.9, vessels).round(1)
        self._status = np.where(is_moving, 0, np.where(rng.random(vessels) < 0.5, 1, 5))

    def batch(self, first: int, count: int, at_ms: int) -> Batch:
        """Events ``first`` to ``first + count``, all of the instant ``at_ms``; at most one per vessel."""
        vessel = np.arange(first, first + count) % len(self._mmsi)
        course, moved = np.radians(self._cog[vessel]), self._sog[vessel] * (at_ms - self._start_ms)
        lat = self._lat[vessel] + moved * np.cos(course) * KN_IN_DEG_PER_MS
        lon = self._lon[vessel] + moved * np.sin(course) * KN_IN_DEG_PER_MS / np.cos(np.radians(lat))
        columns = (self._mmsi[vessel], lat, lon, self._sog[vessel], self._cog[vessel], self._status[vessel])
        rows = zip(*(column.tolist() for column in columns), strict=True)
        values = [_json(at_ms, *row) for row in rows]
        return Batch(
            values=values,
            keys=[str(mmsi) for mmsi in self._mmsi[vessel].tolist()],
            headers=[event_headers(SOURCE, "position")] * count,
            times_ms=[at_ms] * count,
            lines=list(range(first + 1, first + count + 1)),
            last_line=first + count,
        )


def publisher(settings: Settings) -> Publisher:
    """The producers' own publisher of AIS events: idempotent, acknowledged by all, a report per message."""
    wire = Producer({**producer_config(settings), "log_level": 0})
    return Publisher(
        cast("Wire", wire),
        AIS,
        format_name=SOURCE,
        source=SOURCE,
        away_seconds=settings.broker_away_seconds,
        notify=say,
    )


def publish(settings: Settings, traffic: Traffic, first: int, count: int, start_ms: int) -> None:
    """Publish events ``first`` to ``first + count`` as fast as it goes, timed as the world would have sent them."""
    line = publisher(settings)
    for begin in range(first, first + count, CHUNK):
        size = min(CHUNK, first + count - begin)
        line.send(traffic.batch(begin, size, start_ms + begin // WORLD_PER_MS))
    line.flush()
    assert line.delivered == count


def _json(at_ms: int, mmsi: int, lat: float, lon: float, sog: float, cog: float, status: int) -> str:
    place = f'"lat_deg":{lat:.5f},"lon_deg":{lon:.5f}'
    name = event_id("position", mmsi, at_ms, place.encode())
    return (
        f'{{"event_id":"{name}","event_type":"position","schema_version":1,"source":"{SOURCE}","mmsi":{mmsi},'
        f'"observed_at_ms":{at_ms},"message_type":1,"ais_class":"A",{place},"sog_kn":{sog},"cog_deg":{cog},'
        f'"heading_deg":{cog},"nav_status":{status}}}'
    )
