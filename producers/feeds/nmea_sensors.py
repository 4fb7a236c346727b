"""NMEA 0183 weather and depth sentences of one ship: MWD, MWV, MDA, MTW, DPT, DBT, XDR.

Each is an environment event at the last instant (``ZDA``, ``RMC``) and place (``RMC``, ``GLL``, ``GGA``) that
the stream told. The ship is ``--mmsi``, or who speaks in its own AIVDO; else events belong to ``--station``.
Apparent wind (MWV with R) is not the true wind of our contract and counts as no record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pydantic import ValidationError

from contracts.dead_letters import reason_of
from contracts.events import Environment
from producers.feeds.ais_messages import NotCarriedError, decode
from producers.feeds.base import Batch, Context, make_event
from producers.feeds.rows import each_line
from producers.feeds.sentences import MalformedError, Sentence, parse, told_instant_ms
from producers.lines import Block

MPS_PER_UNIT = {"M": 1.0, "N": 1852 / 3600, "K": 1 / 3.6}
METRES_PER_FOOT, METRES_PER_FATHOM = 0.3048, 1.8288
HPA_PER_BAR, HPA_PER_INCH_OF_MERCURY = 1000.0, 33.86389
HPA_PER_PASCAL = 0.01

Values = dict[str, float]


def read(blocks: Iterator[Block], context: Context) -> Iterator[Batch]:
    """Batches of environment events."""
    ship = _Ship(context)
    return each_line(_heard(blocks, ship, context.start_line), context, ship.take)


def _heard(blocks: Iterator[Block], ship: _Ship, start_line: int) -> Iterator[Block]:
    """The blocks; the ship keeps the receiver's clock of live ones and learns from lines passed over."""
    for block in blocks:
        ship.received_at_ms = block.received_at_ms
        for line in block.lines[: max(0, start_line + 1 - block.first_line)]:
            ship.take(line, 0, Batch())
        yield block


class _Ship:
    """What the stream has told so far: the instant, the place, and who speaks."""

    def __init__(self, context: Context) -> None:
        self.received_at_ms: int | None = None
        self._context = context
        self._mmsi = context.mmsi
        self._at_ms = context.assume_start_ms
        self._place: Values = {}

    def take(self, line: bytes, number: int, batch: Batch) -> None:
        """Judge one line."""
        try:
            sentence = parse(line)
            kind = sentence.name[-3:]
            if kind in _READERS:
                self._reading(sentence, line, number, batch)
                return
            self._learn(sentence, kind)
        except MalformedError as malformed:
            batch.reject(number, line, str(malformed))
            return
        batch.ignored[f"sentence {sentence.name}"] += 1

    def _learn(self, sentence: Sentence, kind: str) -> None:
        told_ms = told_instant_ms(sentence)
        self._at_ms = self._at_ms if told_ms is None else told_ms
        self._place = _place(sentence, kind) or self._place
        if kind == "VDO" and self._context.mmsi is None:
            self._mmsi = _own_mmsi(sentence) or self._mmsi

    def _reading(self, sentence: Sentence, line: bytes, number: int, batch: Batch) -> None:
        try:
            values = _READERS[sentence.name[-3:]](sentence.fields)
        except (ValueError, IndexError):
            batch.reject(number, line, "malformed")
            return
        if not values:
            batch.ignored[f"sentence {sentence.name} without a quantity of ours"] += 1
            return
        at_ms = sentence.sent_at_ms or self.received_at_ms or self._at_ms
        if at_ms is None or (self._mmsi is None and self._context.station is None):
            batch.reject(number, line, "no_time" if at_ms is None else "no_mmsi")
            return
        fields = {**values, **self._place, "mmsi": self._mmsi, "station": self._context.station}
        try:
            event = make_event(Environment, "environment", self._context, at_ms, line, fields)
        except ValidationError as error:
            batch.reject(number, line, reason_of(error))
            return
        batch.accept(event, number)


def _own_mmsi(sentence: Sentence) -> int | None:
    try:
        if sentence.fields[0] != "1":
            return None
        _, fields, _ = decode(sentence.fields[4], int(sentence.fields[5]))
    except (NotCarriedError, ValueError, IndexError):
        return None
    return int(fields["mmsi"]) or None


def _place(sentence: Sentence, kind: str) -> Values:
    first = {"RMC": 2, "GLL": 0, "GGA": 1}.get(kind)
    if first is None:
        return {}
    try:
        lat, north, lon, east = sentence.fields[first : first + 4]
        return {
            "lat_deg": round((int(lat[:2]) + float(lat[2:]) / 60) * (-1 if north == "S" else 1), 6),
            "lon_deg": round((int(lon[:3]) + float(lon[3:]) / 60) * (-1 if east == "W" else 1), 6),
        }
    except ValueError:
        return {}


def _mwd(f: list[str]) -> Values:
    """True wind: direction from true north, speed in knots and in metres per second."""
    return _given(wind_from_deg=(f[0], 1.0), wind_speed_mps=_first((f[6], 1.0), (f[4], MPS_PER_UNIT["N"])))


def _mwv(f: list[str]) -> Values:
    """Wind by the ship's instruments; its angle counts from the bow, so only the true speed is taken."""
    if f[1] != "T" or f[4] != "A":
        return {}
    return _given(wind_speed_mps=(f[2], MPS_PER_UNIT[f[3]]))


def _mda(f: list[str]) -> Values:
    return _given(
        pressure_hpa=_first((f[2], HPA_PER_BAR), (f[0], HPA_PER_INCH_OF_MERCURY)),
        air_temperature_c=(f[4], 1.0),
        sea_temperature_c=(f[6], 1.0),
        wind_from_deg=(f[12], 1.0),
        wind_speed_mps=_first((f[18], 1.0), (f[16], MPS_PER_UNIT["N"])),
    )


def _mtw(f: list[str]) -> Values:
    return _given(sea_temperature_c=(f[0], 1.0))


def _dpt(f: list[str]) -> Values:
    return _given(depth_m=(f[0], 1.0))


def _dbt(f: list[str]) -> Values:
    return _given(depth_m=_first((f[2], 1.0), (f[0], METRES_PER_FOOT), (f[4], METRES_PER_FATHOM)))


def _xdr(f: list[str]) -> Values:
    """Transducers: groups of type, value, unit and name. Some instruments send stray fields between the
    groups.
    """
    values: Values = {}
    place = 0
    while place + 3 < len(f):
        kind, value, unit, name = f[place : place + 4]
        if not _is_number(value):
            place += 1
            continue
        place += 4
        if (kind, unit) == ("C", "C") and "AIR" in name.upper():
            values["air_temperature_c"] = float(value)
        elif kind == "P" and unit in ("B", "P"):
            factor = HPA_PER_BAR if unit == "B" else HPA_PER_PASCAL
            values["pressure_hpa"] = round(float(value) * factor, 3)
    return values


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _first(*choices: tuple[str, float]) -> tuple[str, float]:
    """The first quantity that is given."""
    return next((choice for choice in choices if choice[0]), ("", 1.0))


def _given(**quantities: tuple[str, float]) -> Values:
    """The quantities that are given, in our units."""
    return {name: round(float(text) * factor, 3) for name, (text, factor) in quantities.items() if text}


_READERS: dict[str, Callable[[list[str]], Values]] = {
    "MWD": _mwd,
    "MWV": _mwv,
    "MDA": _mda,
    "MTW": _mtw,
    "DPT": _dpt,
    "DBT": _dbt,
    "XDR": _xdr,
}
