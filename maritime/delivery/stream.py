"""The known stream: generated AIS events whose every outcome is known beforehand. Pure: a seed gives the same stream.

No real vessel is in it, and every event says ``"source":"verify-delivery"``. Beside lawful positions it has what a
real feed has: static reports whose identities change, exact repeats, speeds that Silver refuses, and reports that come
two days late.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count, islice
from pathlib import Path
from typing import Literal, NamedTuple

from contracts.events import AisEvent, AisPosition, AisStatic, event_id

SOURCE = "verify-delivery"
START_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z
LATE_MS = 48 * 3_600_000
FIRST_MMSI = 235_000_000
VESSELS = 50
EVENTS_PER_S = 100
LAWFUL_KN, UNLAWFUL_KN = 12.0, 60.0
REPORTS_PER_IDENTITY = 2

Kind = Literal["position", "static", "refused"]
SHARES: tuple[tuple[float, str], ...] = ((0.03, "repeat"), (0.07, "static"), (0.09, "refused"), (0.11, "late"))
"""Of one draw in [0, 1): below which number it is what; else a position."""


class Sent(NamedTuple):
    """An event of the stream.

    ``sequence`` counts its vessel's events; ``identity`` is what a static report tells, with the hour.
    """

    event_id: str
    mmsi: int
    sequence: int
    kind: Kind
    identity: str = ""


def known_stream(seed: int) -> Iterator[tuple[AisEvent, Sent]]:
    """Events without end, vessel after vessel, each 1 / ``EVENTS_PER_S`` later than the one before."""
    draw = random.Random(seed)
    before: dict[int, tuple[AisEvent, Sent]] = {}
    statics: dict[int, int] = dict.fromkeys(range(VESSELS), 0)
    for number in count():
        vessel, share = number % VESSELS, draw.random()
        kind = next((name for below, name in SHARES if share < below), "position")
        if kind != "repeat" or vessel not in before:
            before[vessel] = _event(number, kind, statics[vessel] // REPORTS_PER_IDENTITY)
            statics[vessel] += kind == "static"
        yield before[vessel]


def write_stream(path: Path, seed: int, events: int) -> list[Sent]:
    """Write so many events as JSON lines, and return what they are, line by line."""
    sent = []
    with path.open("w") as lines:
        for event, facts in islice(known_stream(seed), events):
            lines.write(event.model_dump_json(exclude_none=True) + "\n")
            sent.append(facts)
    return sent


def _event(number: int, kind: str, identity_number: int) -> tuple[AisEvent, Sent]:
    vessel, sequence = number % VESSELS, number // VESSELS
    mmsi = FIRST_MMSI + vessel
    at_ms = START_MS + number * 1000 // EVENTS_PER_S - (LATE_MS if kind == "late" else 0)
    if kind == "static":
        name = event_id("static", mmsi, at_ms, b"%d" % number)
        identity = f"GENERATED {vessel} {identity_number}"
        static = AisStatic(
            event_id=name, source=SOURCE, mmsi=mmsi, observed_at_ms=at_ms, message_type=5, vessel_name=identity
        )
        told_in = datetime.fromtimestamp(at_ms / 1000, UTC)
        return static, Sent(name, mmsi, sequence, "static", f"{mmsi} {identity} {told_in:%F %H}h")
    name = event_id("position", mmsi, at_ms, b"%d" % number)
    position = AisPosition(
        event_id=name,
        source=SOURCE,
        mmsi=mmsi,
        observed_at_ms=at_ms,
        message_type=1,
        ais_class="A",
        lat_deg=-25.0 + vessel,
        lon_deg=-30.0 + sequence * 1e-5,
        sog_kn=UNLAWFUL_KN if kind == "refused" else LAWFUL_KN,
    )
    return position, Sent(name, mmsi, sequence, "refused" if kind == "refused" else "position")
