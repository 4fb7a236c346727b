"""Fields of our events from decoded AIS messages (ITU-R M.1371), as pyais reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from pyais.bit_vector import bit_vector
from pyais.exceptions import AISBaseException
from pyais.messages import MSG_CLASS

LAWFUL_BITS: dict[int, Iterable[int]] = {
    **dict.fromkeys((1, 2, 3, 4, 9, 18), (168,)),
    5: range(420, 427),
    19: (312,),
    21: range(272, 361),
    24: range(160, 169),
    27: range(96, 169),
}
"""Message types that become events, with the lengths that occur; 0.3 % of messages with a good checksum are
cut."""

CLASS_OF_TYPE = {1: "A", 2: "A", 3: "A", 5: "A", 18: "B", 19: "B", 24: "B"}
SOG_NOT_AVAILABLE_KN, COG_NOT_AVAILABLE_DEG = 102.3, 360.0


class NotCarriedError(Exception):
    """The message is of a type that has no event; the text names it."""


def decode(payload: str, fill_bits: int) -> tuple[str, dict[str, Any], Any]:
    """Event type, fields and decoded message of an armoured payload.

    Raises:
        NotCarriedError: Its type has no event.
        ValueError: It is not decodable, or has an unlawful length for its type.
    """
    bits = len(payload) * 6 - fill_bits
    message_type = _six_bits(payload[0]) if payload else 0
    if message_type not in LAWFUL_BITS:
        if message_type in MSG_CLASS:
            raise NotCarriedError(f"message type {message_type}")
        raise ValueError("unknown_message_type")
    if bits not in LAWFUL_BITS[message_type]:
        raise ValueError("wrong_length")
    try:
        message: Any = MSG_CLASS[message_type].from_vector(bit_vector(payload.encode(), fill_bits))
    except AISBaseException as error:
        raise ValueError("undecodable") from error
    event_type, read = _READERS.get(message_type, ("position", _position))
    common = {
        "mmsi": int(message.mmsi),
        "message_type": message_type,
        "ais_class": CLASS_OF_TYPE.get(message_type),
    }
    return event_type, {**common, **read(message)}, message


def _six_bits(character: str) -> int:
    value = ord(character) - 48
    return value - 8 if value > 40 else value


def _position(m: Any) -> dict[str, Any]:  # noqa: ANN401  pyais messages have no common type
    status = getattr(m, "status", None)
    return {
        "lat_deg": float(m.lat),
        "lon_deg": float(m.lon),
        "sog_kn": _real(m, "speed"),
        "cog_deg": _real(m, "course"),
        "heading_deg": _real(m, "heading"),
        "nav_status": None if status is None else int(status),
    }


def _aircraft(m: Any) -> dict[str, Any]:  # noqa: ANN401
    """Message 9: speed in whole knots, 1023 not available."""
    return {**_position(m), "sog_kn": SOG_NOT_AVAILABLE_KN if m.speed == 1023 else float(m.speed)}


def _long_range(m: Any) -> dict[str, Any]:  # noqa: ANN401
    """Message 27: its own values for "not available"."""
    return {
        **_position(m),
        "sog_kn": SOG_NOT_AVAILABLE_KN if m.speed == 63 else float(m.speed),
        "cog_deg": COG_NOT_AVAILABLE_DEG if m.course == 511 else float(m.course),
    }


def _extended_class_b(m: Any) -> dict[str, Any]:  # noqa: ANN401
    return {
        **_position(m),
        "vessel_name": _text(m.shipname),
        "ship_type_code": _code(m.ship_type),
        **_size(m),
    }


def _aid_to_navigation(m: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"lat_deg": float(m.lat), "lon_deg": float(m.lon), "vessel_name": _text(m.name), **_size(m)}


def _static_a(m: Any) -> dict[str, Any]:  # noqa: ANN401
    return {
        "imo_number": int(m.imo),
        "call_sign": _text(m.callsign),
        "vessel_name": _text(m.shipname),
        "ship_type_code": _code(m.ship_type),
        "draught_m": float(m.draught),
        "destination": _text(m.destination),
        **_size(m),
    }


def _static_b(m: Any) -> dict[str, Any]:  # noqa: ANN401
    """Message 24: part A has the name, part B the rest; an auxiliary craft tells its mother ship, not its
    size.
    """
    if m.partno == 0:
        return {"vessel_name": _text(m.shipname)}
    return {"call_sign": _text(m.callsign), "ship_type_code": _code(m.ship_type), **_size(m)}


def _size(m: Any) -> dict[str, float]:  # noqa: ANN401
    if getattr(m, "to_starboard", None) is None:
        return {}
    return {"length_m": float(m.to_bow + m.to_stern), "beam_m": float(m.to_port + m.to_starboard)}


def _real(m: Any, name: str) -> float | None:  # noqa: ANN401
    value = getattr(m, name, None)
    return None if value is None else float(value)


def _code(value: object) -> int | None:
    return None if value is None else int(value)  # type: ignore[call-overload]


def _text(value: str | None) -> str | None:
    return (value or "").strip() or None


_READERS: dict[int, tuple[str, Callable[[Any], dict[str, Any]]]] = {
    5: ("static", _static_a),
    9: ("position", _aircraft),
    19: ("position", _extended_class_b),
    21: ("position", _aid_to_navigation),
    24: ("static", _static_b),
    27: ("position", _long_range),
}
