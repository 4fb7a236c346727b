"""Ships that meet, with the truth of it, among generated traffic: a child process of ``bench.collision``.

Each pair has waters of its own in the Pacific between 171.5 and 178.5 degrees east, where ``bench.traffic`` puts nobody
and no port is near. The second ship is heard a second after the first: that report is the one that decides. Every
second pair passes at a distance that is worth no warning. At its end one JSON object is printed, with the instant of
each deciding report.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import click

from bench.pacer import TICK_S
from bench.traffic import SOURCE, Traffic, publisher
from contracts.events import AisPosition, event_id
from contracts.settings import Settings, load_settings
from infra.console import Command, print_json
from producers.feeds.base import Batch, event_headers

FIRST_MMSI = 760_000_000
"""Above all of the traffic's."""
COLUMNS, STEP_DEG = 14, 0.5
FIRST_LAT_DEG, FIRST_LON_DEG = 20.0, 171.5
MOST_PAIRS = COLUMNS * 60
APART_NM, SPEED_KN = 5.0, 14.0
ASIDE_NM = 0.0, 2.0
"""How close a pair that is to be told will pass, and one that is not."""
SECOND_AFTER_S = 1.0


@dataclass(frozen=True, slots=True)
class Meeting:
    """A pair: its number, and when its first ship is heard, in seconds from the start."""

    number: int
    begins_s: float

    @property
    def is_close(self) -> bool:
        """Whether it is to be told."""
        return self.number % 2 == 0

    @property
    def mmsi(self) -> int:
        """Of the first ship, by which the pair is known; the second one has the next."""
        return FIRST_MMSI + 2 * self.number

    def report(self, is_second: bool, at_ms: int) -> AisPosition:
        """The report of one of the two: they sail towards each other, the second one may be north of the first."""
        row, column = divmod(self.number, COLUMNS)
        mmsi = self.mmsi + is_second
        return AisPosition(
            event_id=event_id("position", mmsi, at_ms, b"meeting"),
            source=SOURCE,
            mmsi=mmsi,
            observed_at_ms=at_ms,
            lat_deg=FIRST_LAT_DEG + row * STEP_DEG + is_second * ASIDE_NM[not self.is_close] / 60,
            lon_deg=FIRST_LON_DEG + column * STEP_DEG + is_second * APART_NM / 60,
            sog_kn=SPEED_KN,
            cog_deg=270.0 if is_second else 90.0,
            nav_status=0,
        )


def meetings(pairs: int, first_s: float, seconds: float) -> list[Meeting]:
    """So many pairs, spread evenly over some seconds."""
    return [Meeting(number, first_s + number * seconds / pairs) for number in range(pairs)]


@click.command(cls=Command)
@click.option("--rate", type=int, required=True, help="Positions a second of the traffic around.")
@click.option("--warm-up", type=float, required=True, help="Seconds of traffic before the first pair.")
@click.option("--seconds", type=float, required=True, help="Seconds over which the pairs are spread.")
@click.option("--vessels", type=int, required=True, help="Vessels of the traffic.")
@click.option("--pairs", type=click.IntRange(1, MOST_PAIRS), required=True)
def main(rate: int, warm_up: float, seconds: float, vessels: int, pairs: int) -> None:
    """Publish and tell the truth of it."""
    planned = meetings(pairs, warm_up, seconds)
    print_json(publish(load_settings(), rate, vessels, warm_up + seconds + SECOND_AFTER_S, planned))


def publish(settings: Settings, rate: int, vessels: int, seconds: float, planned: list[Meeting]) -> dict[str, Any]:
    """Publish the traffic at its rate, and each pair when it is due.

    Returns:
        ``delivered``, ``started_at``, ``most_behind_s``, and under ``deciding_ms`` and ``passing_ms`` the instant of
        the deciding report by the pair's first MMSI: of pairs that are to be told, and of those that are not.
    """
    line, traffic = publisher(settings), Traffic(vessels, time.time_ns() // 1_000_000)
    due = sorted((pair.begins_s + is_second * SECOND_AFTER_S, is_second, pair.number) for pair in planned
                 for is_second in (False, True))  # fmt: skip
    truth: dict[bool, dict[int, int]] = {True: {}, False: {}}
    total, sent, most_behind_s = round(rate * seconds), 0, 0.0
    started_at, began = time.time(), time.monotonic()
    while sent < total or due:
        elapsed_s, at_ms = time.monotonic() - began, time.time_ns() // 1_000_000
        most_behind_s = max(most_behind_s, elapsed_s - sent / rate)
        reports = Batch(about=[])
        while due and due[0][0] <= elapsed_s:
            _, is_second, number = due.pop(0)
            _add(reports, planned[number].report(is_second, at_ms))
            if is_second:
                truth[planned[number].is_close][planned[number].mmsi] = at_ms
        if reports.values:
            line.send(reports)
        count = min(total, int(elapsed_s * rate), sent + vessels) - sent
        if count > 0:
            line.send(traffic.batch(sent, count, at_ms))
            sent += count
        line.serve(0)
        time.sleep(TICK_S)
    line.flush()
    return {
        "delivered": line.delivered,
        "started_at": started_at,
        "ended_at": time.time(),
        "most_behind_s": most_behind_s,
        "deciding_ms": truth[True],
        "passing_ms": truth[False],
    }


def _add(batch: Batch, event: AisPosition) -> None:
    batch.values.append(event.model_dump_json(exclude_none=True))
    batch.keys.append(event.key)
    batch.headers.append(event_headers(SOURCE, event.event_type))
    batch.times_ms.append(event.observed_at_ms)


if __name__ == "__main__":
    main()
