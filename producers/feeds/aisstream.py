"""JSON lines as aisstream.io sends them: a message type, meta data with the receive time, and the decoded
message.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from contracts.dead_letters import reason_of
from contracts.events import EVENTS
from contracts.topics import AIS
from producers.feeds.base import Batch, Context, make_event
from producers.feeds.rows import each_line
from producers.lines import Block

_TIME = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(\.\d{1,9})? \+0000 UTC")
Message = dict[str, Any]


def read(blocks: Iterator[Block], context: Context) -> Iterator[Batch]:
    """Batches of position and static events; the event time is ``MetaData.time_utc``."""

    def take(line: bytes, number: int, batch: Batch) -> None:
        try:
            envelope = json.loads(line)
            kind = envelope["MessageType"]
            if kind not in _READERS:
                batch.ignored[f"message type {kind}"] += 1
                return
            at_ms = _epoch_ms(envelope["MetaData"]["time_utc"])
            message = envelope["Message"][kind]
            event_type, ais_class, read_message = _READERS[kind]
            fields = {
                "mmsi": message["UserID"],
                "message_type": message.get("MessageID"),
                "ais_class": ais_class,
            }
            fields |= read_message(message)
            event = make_event(EVENTS[AIS][event_type], event_type, context, at_ms, line, fields)
        except ValidationError as error:
            batch.reject(number, line, reason_of(error))
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            is_json = not isinstance(error, json.JSONDecodeError | UnicodeDecodeError)
            batch.reject(number, line, "not_understood" if is_json else "not_json")
        else:
            batch.accept(event, number)

    return each_line(blocks, context, take)


def _epoch_ms(text: str) -> int:
    match = _TIME.fullmatch(text)
    if not match:
        raise ValueError(f"{text} is not a time of aisstream.io")
    seconds = int(datetime.fromisoformat(match[1]).replace(tzinfo=UTC).timestamp())
    return seconds * 1000 + int(float(match[2] or 0) * 1000)


def _position(m: Message) -> dict[str, Any]:
    return {
        "lat_deg": m["Latitude"],
        "lon_deg": m["Longitude"],
        "sog_kn": m.get("Sog"),
        "cog_deg": m.get("Cog"),
        "heading_deg": m.get("TrueHeading"),
        "nav_status": m.get("NavigationalStatus"),
    }


def _extended(m: Message) -> dict[str, Any]:
    return {
        **_position(m),
        "vessel_name": _text(m["Name"]),
        "ship_type_code": m["Type"],
        **_size(m["Dimension"]),
    }


def _aid(m: Message) -> dict[str, Any]:
    return {**_position(m), "vessel_name": _text(m["Name"]), **_size(m["Dimension"])}


def _long_range(m: Message) -> dict[str, Any]:
    """Message 27 says "not available" by 63 knots and 511 degrees."""
    sog, cog = m.get("Sog"), m.get("Cog")
    return {**_position(m), "sog_kn": 102.3 if sog == 63 else sog, "cog_deg": 360.0 if cog == 511 else cog}


def _static(m: Message) -> dict[str, Any]:
    return {
        "imo_number": m["ImoNumber"],
        "call_sign": _text(m["CallSign"]),
        "vessel_name": _text(m["Name"]),
        "ship_type_code": m["Type"],
        "draught_m": m["MaximumStaticDraught"],
        "destination": _text(m["Destination"]),
        **_size(m["Dimension"]),
    }


def _static_b(m: Message) -> dict[str, Any]:
    """Message 24: one of its two parts is valid."""
    if not m["PartNumber"]:
        return {"vessel_name": _text(m["ReportA"]["Name"])}
    part = m["ReportB"]
    return {
        "call_sign": _text(part["CallSign"]),
        "ship_type_code": part["ShipType"],
        **_size(part["Dimension"]),
    }


def _size(dimension: Message) -> dict[str, Any]:
    return {"length_m": dimension["A"] + dimension["B"], "beam_m": dimension["C"] + dimension["D"]}


def _text(text: str) -> str | None:
    return text.strip(" @") or None


_READERS: dict[str, tuple[str, str | None, Callable[[Message], dict[str, Any]]]] = {
    "PositionReport": ("position", "A", _position),
    "BaseStationReport": ("position", None, _position),
    "ShipStaticData": ("static", "A", _static),
    "StandardSearchAndRescueAircraftReport": ("position", None, _position),
    "StandardClassBPositionReport": ("position", "B", _position),
    "ExtendedClassBPositionReport": ("position", "B", _extended),
    "AidsToNavigationReport": ("position", None, _aid),
    "StaticDataReport": ("static", "B", _static_b),
    "LongRangeAisBroadcastMessage": ("position", None, _long_range),
}
