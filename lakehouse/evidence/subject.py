"""What evidence is asked for: ``gold/vessel_day mmsi=366053209 date=2022-01-03``, ``voyage V1``. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from contracts.errors import InputError
from contracts.fields import MMSI, SEGMENT_ID, Field, Type
from contracts.tables import GOLD_EMISSION_COMPLIANCE, GOLD_VOYAGE_ANALYTICS, SILVER_VOYAGES, TABLES, Table

FORMS = "TABLE KEY=VALUE ..., as gold/vessel_day mmsi=366053209 date=2022-01-03; or voyage ID; or compliance IMO YEAR"


@dataclass(frozen=True, slots=True)
class Subject:
    """One row.

    Attributes:
        table: Where it is.
        key: Values of columns that name it: all of the table's key, with the MMSI for the segment where it has one
            track, or for ``year`` fewer.
        year: Where given, the last row of this calendar year with these values is meant.
        otherwise: Where it is looked for when it is not there.
    """

    table: Table
    key: Mapping[str, Any]
    year: int | None = None
    otherwise: Table | None = None

    def __str__(self) -> str:
        words = " ".join(f"{name}={value}" for name, value in self.key.items())
        return f"{self.table.name} {words}" + (f" in {self.year}" if self.year else "")


def parse_subject(words: Sequence[str]) -> Subject:
    """The row that the words name.

    Raises:
        InputError: They name none; the sentence shows how.
    """
    first, *rest = words or ("",)
    if first == "voyage" and len(rest) == 1:
        return Subject(GOLD_VOYAGE_ANALYTICS, {"voyage_id": rest[0]}, otherwise=SILVER_VOYAGES)
    if first == "compliance" and len(rest) == 2:
        values = [_number(word, name) for word, name in zip(rest, ("IMO", "YEAR"), strict=True)]
        return Subject(GOLD_EMISSION_COMPLIANCE, {"imo_number": values[0]}, year=values[1])
    table = next((table for table in TABLES if first in (table.name, table.path)), None)
    if table is None:
        raise InputError(f"{' '.join(words)!r} names no row: {FORMS}.")
    return Subject(table, _key(table, rest))


def typed(table: Table, key: Mapping[str, Any]) -> dict[str, Any]:
    """A key as JSON has it, with the values that Spark compares.

    Raises:
        InputError: It is not the table's key.
    """
    return _key(table, [f"{name}={value}" for name, value in key.items()])


def _key(table: Table, pairs: Sequence[str]) -> dict[str, Any]:
    ship = (MMSI,) if SEGMENT_ID in table.key else ()
    fields = {field.name: field for field in (*table.key, *ship)}
    days = [field.name for field in table.key if field.type == "date"]
    names = {**{name: name for name in fields}, **({"date": days[0], "day": days[0]} if len(days) == 1 else {})}
    key: dict[str, Any] = {}
    for pair in pairs:
        name, is_there, text = pair.partition("=")
        if not is_there or name not in names:
            raise InputError(f"{pair!r}: a row of {table.name} is named by {' '.join(f'{n}=...' for n in fields)}.")
        key[names[name]] = _value(fields[names[name]], text)
    needed = [MMSI if field is SEGMENT_ID and SEGMENT_ID.name not in key else field for field in table.key]
    missing = [field.name for field in needed if field.name not in key]
    if missing:
        raise InputError(
            f"{table.name} has a row per {', '.join(field.name for field in needed)}: {missing[0]}=... is missing."
        )
    return {name: key[name] for name in fields if name in key}


def _value(field: Field, text: str) -> Any:  # noqa: ANN401  the type is the field's
    try:
        return _READ[field.type](text) if field.type in _READ else text
    except ValueError:
        raise InputError(f"{field.name}={text}: that is no {field.type}.") from None


def _instant(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


_READ: dict[Type, Callable[[str], Any]] = {
    "long": int,
    "int": int,
    "date": date.fromisoformat,
    "timestamp": _instant,
}


def _number(text: str, name: str) -> int:
    if not text.isdigit():
        raise InputError(f"{name} {text!r} is not a number: compliance IMO YEAR.")
    return int(text)
