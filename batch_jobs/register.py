"""The ship register: what a ship is, loaded from a file, since AIS does not tell it."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contracts.ais import is_imo_valid
from contracts.errors import InputError
from contracts.fields import FUEL_KINDS, Field
from contracts.regulation import load_regulation
from contracts.tables import SILVER_SHIP_REGISTER
from lakehouse.provenance import made_by
from lakehouse.schema import spark_schema
from lakehouse.store import Store

REQUIRED = ("imo_number", "source")
NUMBERS = {"long": int, "int": int, "double": float}


@dataclass(frozen=True, slots=True)
class Refusal:
    """A line that is not loaded, and why."""

    line: int
    reason: str


def read_register(path: Path) -> tuple[list[dict[str, Any]], list[Refusal]]:
    """Read a CSV file whose header names columns of ``silver.ship_register``; a column that is not there is null.

    Returns:
        The lawful ships, one per IMO number, and the lines refused.

    Raises:
        InputError: The file cannot be read, or its header lacks a required column or has one that we do not know.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as handle:
            return _judged(_lines(path, csv.DictReader(handle)))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read as a CSV file: {error}.") from error


def load(store: Store, ships: list[dict[str, Any]], file: Path | None = None) -> int:
    """Upsert ships by IMO number; returns the table's version. The commit names the file that they come from."""
    table = SILVER_SHIP_REGISTER
    store.create(table)
    rows = [tuple(ship[name] for name in table.columns) for ship in ships]
    said = made_by([table])
    if file:
        said["file"] = {"name": file.name, "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
    return store.upsert(table, store.spark.createDataFrame(rows, spark_schema(table)), metadata=said)


def _lines(path: Path, reader: csv.DictReader[str]) -> Iterator[tuple[int, dict[str, str]]]:
    header = reader.fieldnames or []
    unknown = [name for name in header if name not in SILVER_SHIP_REGISTER.columns]
    missing = [name for name in REQUIRED if name not in header]
    if missing:
        raise InputError(f"{path} has no column {missing[0]}: its header must name {', '.join(REQUIRED)}.")
    if unknown:
        known = ", ".join(SILVER_SHIP_REGISTER.columns)
        raise InputError(f"{path} has a column {unknown[0]} that the register does not: choose from {known}.")
    for row in reader:
        yield reader.line_num, row


def _judged(lines: Iterator[tuple[int, dict[str, str]]]) -> tuple[list[dict[str, Any]], list[Refusal]]:
    ships: dict[int, dict[str, Any]] = {}
    refusals = []
    for line, row in lines:
        try:
            ship = _ship(row)
            if ship["imo_number"] in ships:
                raise ValueError(f"imo_number {ship['imo_number']} is in the file twice")
            ships[ship["imo_number"]] = ship
        except ValueError as error:
            refusals.append(Refusal(line, str(error)))
    return list(ships.values()), refusals


def _ship(row: dict[str, str]) -> dict[str, Any]:
    if None in row or None in row.values():
        raise ValueError("the line has not as many values as the header")
    ship = {field.name: _value(field, row.get(field.name, "")) for field in SILVER_SHIP_REGISTER.fields}
    if ship["imo_number"] is None or not is_imo_valid(ship["imo_number"]):
        raise ValueError(f"imo_number {row['imo_number']!r} is not an IMO number: its check digit or length is wrong")
    if ship["source"] is None:
        raise ValueError("source is empty")
    _check_choice(ship, "cii_ship_type", load_regulation().cii_ship_types)
    _check_choice(ship, "fuel_kind", FUEL_KINDS)
    return ship


def _value(field: Field, text: str) -> Any:  # noqa: ANN401  the type is the field's
    text = text.strip()
    if not text:
        return None
    if field.type not in NUMBERS:
        return text
    try:
        value = NUMBERS[field.type](text)
    except ValueError:
        raise ValueError(f"{field.name} {text!r} is not a number") from None
    if value == field.sentinel:  # a length of 0 is one that nobody knows
        return None
    low, high = field.low, field.high
    if not (low is None or low <= value) or not (high is None or value <= high):
        raise ValueError(f"{field.name} {text} is out of {low:,.0f} to {high:,.0f}")
    return value


def _check_choice(ship: dict[str, Any], name: str, choices: tuple[str, ...]) -> None:
    if ship[name] is not None and ship[name] not in choices:
        raise ValueError(f"{name} {ship[name]!r} is none of {', '.join(choices)}")
