"""CSV feeds of AIS positions, block by block: Polars for the plain rows, one by one for the rest.

A record is a line. Rows of printable ASCII without quotes that pass every check of the contract go the fast
way; any other row is read by ``csv`` and judged by the contract's own model, which also finds the reason of a
refusal.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from zlib import crc32

import polars as pl
from pydantic import ValidationError

from contracts.dead_letters import reason_of
from contracts.errors import InputError
from contracts.events import SCHEMA_VERSION, AisPosition
from producers.feeds.base import ABOUT_COLUMNS, Batch, Context, event_headers, make_event
from producers.feeds.columns import Kind
from producers.lines import Block

EVENT_TYPE = "position"
TIME = "observed_at_ms"
_PLAIN = bytes(set(range(0x20, 0x7F)) - {ord('"')}) + b"\n"


@dataclass(frozen=True, slots=True)
class Column:
    """Where a wire field comes from: header names (any case), kind, and words that mean "unknown"."""

    names: tuple[str, ...]
    kind: Kind
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CsvFormat:
    """A CSV feed: its columns by wire field."""

    columns: Mapping[str, Column]

    def read(self, blocks: Iterator[Block], context: Context) -> Iterator[Batch]:
        """Batches of position events, one per block.

        Raises:
            InputError: The first line names no column for a field that every position needs.
        """
        table: _Table | None = None
        for block in blocks:
            first, lines = block.first_line, block.lines
            if table is None and lines:
                table = _Table.of(self, lines[0], context)
            if table is None or first + len(lines) - 1 <= context.start_line:
                continue
            skip = max(0, context.start_line + 1 - first)
            yield table.batch(lines[skip:], first + skip)


@dataclass(frozen=True, slots=True)
class _Table:
    """A format together with the header of one file."""

    header: bytes
    places: Mapping[str, tuple[int, Column]]
    width: int
    context: Context

    @classmethod
    def of(cls, csv_format: CsvFormat, header: bytes, context: Context) -> _Table:
        names = [name.strip().lower() for name in next(csv.reader([header.decode("utf-8", "replace")]), [])]
        places = {}
        for field in AisPosition.model_fields:
            column = csv_format.columns.get(field)
            at_place = [names.index(name) for name in column.names if name in names] if column else []
            if column and at_place:
                places[field] = (at_place[0], column)
            elif column and AisPosition.model_fields[field].is_required():
                raise InputError(f"{context.name}: the first line has no column {column.names[0]!r}.")
        return cls(header, places, len(names), context)

    def batch(self, lines: list[bytes], first_line: int) -> Batch:
        """Judge every line."""
        about = [*self.context.about, (ABOUT_COLUMNS, self.header)]
        batch = Batch(last_line=first_line + len(lines) - 1, about=about)
        numbers: Sequence[int] = range(first_line, first_line + len(lines))
        if b"" in lines or self.header in lines:
            batch.ignored["blank"] += lines.count(b"")
            batch.ignored["header"] += lines.count(self.header)
            kept = [(n, line) for n, line in zip(numbers, lines, strict=True) if line not in (b"", self.header)]
            numbers, lines = [n for n, _ in kept], [line for _, line in kept]
        odd = self._fast(lines, numbers, batch)
        for i in odd:
            self._exact(lines[i], numbers[i], batch)
        if odd and len(odd) < len(lines):
            _sort_by_line(batch)
        return batch

    def _fast(self, lines: list[bytes], numbers: Sequence[int], batch: Batch) -> list[int]:
        """Take the rows that are beyond doubt; give the places of the others."""
        commas = self.width - 1
        if b"\n".join(lines).translate(None, _PLAIN):
            plain = [i for i, x in enumerate(lines) if x.count(b",") == commas and not x.translate(None, _PLAIN)]
        else:
            plain = [i for i, x in enumerate(lines) if x.count(b",") == commas]
        rows = lines if len(plain) == len(lines) else [lines[i] for i in plain]
        frame = self._typed(rows) if rows else None
        if frame is None:
            return list(range(len(lines)))
        self._encode(frame.filter("ok"), [numbers[i] for i in plain], batch)
        doubtful = [plain[i] for i in frame.filter(~pl.col("ok"))["row"].to_list()]
        odd = set(range(len(lines))).difference(plain) if len(plain) < len(lines) else set()
        return sorted(odd.union(doubtful))

    def _typed(self, rows: list[bytes]) -> pl.DataFrame | None:
        """Typed columns, ``ok`` where a row keeps the contract, its place, and the checksum for its id."""
        names = [f"c{i}" for i in range(self.width)]
        text = pl.read_csv(
            b"\n".join(rows),
            has_header=False,
            new_columns=names,
            infer_schema=False,
            quote_char=None,
            eol_char="\n",
        )
        if text.height != len(rows):
            return None
        values, checks = [], []
        for field, (place, column) in self.places.items():
            stripped = pl.col(names[place]).str.strip_chars(" ")
            known = pl.when(~stripped.is_in(["", *column.unknown])).then(stripped)
            value = column.kind.fast(known)
            values.append(value.alias(field))
            checks.append(_is_lawful(field, value, known))
        checksums = pl.Series("crc", [f"{crc32(row):08x}" for row in rows])
        return text.select(*values, ok=pl.all_horizontal(checks)).with_columns(checksums).with_row_index("row")

    def _encode(self, frame: pl.DataFrame, numbers: list[int], batch: Batch) -> None:
        if frame.is_empty():
            return
        shift_ms = self.context.shift.offset_ms(frame[TIME][0])
        frame = frame.with_columns(pl.col(TIME) + shift_ms, key=pl.col("mmsi").cast(pl.String))
        event_id = pl.concat_str(pl.lit(f"{EVENT_TYPE}-"), "key", pl.lit("-"), TIME, pl.lit("-"), "crc")
        constants = {
            "event_type": EVENT_TYPE,
            "schema_version": SCHEMA_VERSION,
            "source": self.context.source,
        }
        event = pl.struct(
            event_id.alias("event_id"),
            *(pl.lit(value).alias(name) for name, value in constants.items()),
            *self.places,
        )
        batch.values += frame.select(event.struct.json_encode()).to_series().to_list()
        batch.keys += frame["key"].to_list()
        batch.times_ms += frame[TIME].to_list()
        batch.headers += [event_headers(self.context.source, EVENT_TYPE)] * frame.height
        batch.lines += numbers if frame.height == len(numbers) else [numbers[i] for i in frame["row"].to_list()]

    def _exact(self, line: bytes, number: int, batch: Batch) -> None:
        """Judge one row by the contract's model."""
        try:
            cells = next(csv.reader([line.decode()], strict=True), [])
        except (UnicodeDecodeError, csv.Error) as error:
            batch.reject(number, line, "not_utf8" if isinstance(error, UnicodeDecodeError) else "not_csv")
            return
        if len(cells) != self.width:
            batch.reject(number, line, "wrong_number_of_columns")
            return
        fields: dict[str, Any] = {}
        for field, (place, column) in self.places.items():
            cell = cells[place].strip()
            try:
                fields[field] = None if cell in ("", *column.unknown) else column.kind.exact(cell)
            except (ValueError, OverflowError):
                batch.reject(number, line, f"{field}:not_understood")
                return
        at_ms = fields.pop(TIME)
        if at_ms is None:
            batch.reject(number, line, "no_time")
            return
        try:
            batch.accept(make_event(AisPosition, EVENT_TYPE, self.context, at_ms, line, fields), number)
        except ValidationError as error:
            batch.reject(number, line, reason_of(error))


def _sort_by_line(batch: Batch) -> None:
    order = sorted(range(len(batch.lines)), key=batch.lines.__getitem__)
    for name in ("values", "keys", "headers", "times_ms", "lines"):
        column = getattr(batch, name)
        setattr(batch, name, [column[i] for i in order])


def _is_lawful(field: str, value: pl.Expr, known: pl.Expr) -> pl.Expr:
    """Whether a value keeps the contract: given where required, understood where given, and in range."""
    low, high, longest = _bounds(field)
    lawful = value.is_not_null()
    if low is not None and high is not None:
        lawful &= value.is_between(low, high)
    if longest is not None:
        lawful &= value.str.len_bytes() <= longest
    return lawful if AisPosition.model_fields[field].is_required() else known.is_null() | lawful


@lru_cache(maxsize=64)
def _bounds(field: str) -> tuple[float | None, float | None, int | None]:
    """Range and length of a field, as the event's own JSON Schema declares them."""
    declared = AisPosition.model_json_schema()["properties"][field]
    choices = {key: value for choice in (declared, *declared.get("anyOf", ())) for key, value in choice.items()}
    return choices.get("minimum"), choices.get("maximum"), choices.get("maxLength")
