"""AIVDM/AIVDO sentences of any talker, decoded by pyais.

AIS position messages carry no date, so the event time is, in this order: the tag block's ``c`` or the UNIX
time behind the checksum, the ``$PGHP`` stamp of the sentence, for sockets the receiver's clock, else the last
instant that the stream told (a receiver's stamp, base stations' message 4, ``ZDA``, ``RMC``), else
``--assume-start``. Without any of these a report is refused as ``no_time``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from contracts.dead_letters import reason_of
from contracts.events import EVENTS, FIRST_LAWFUL_MS
from contracts.topics import AIS
from producers.feeds.ais_messages import NotCarriedError, decode
from producers.feeds.assembly import Assembler, Fragment
from producers.feeds.base import Batch, Context, make_event
from producers.feeds.sentences import MalformedError, Sentence, parse, told_instant_ms
from producers.lines import Block

CLOCKS_AGREE_MS = 60_000
BASE_STATION_REPORT = 4


def read(blocks: Iterator[Block], context: Context) -> Iterator[Batch]:
    """Batches of position and static events, one per block; at the end the fragments that stayed alone."""
    stream = _Stream(context)
    for block in blocks:
        yield stream.batch(block)
    yield stream.end()


@dataclass(frozen=True, slots=True)
class _Stamp:
    """A ``$PGHP`` line: when and where the sentence with this checksum was heard."""

    at_ms: int
    station: str | None
    checksum: str


class _Stream:
    """What must be remembered between lines: pending fragments and the stream's clock."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._assembler = Assembler()
        self._stamp: _Stamp | None = None
        self._clock_ms = context.assume_start_ms
        self._base_station_ms: int | None = None
        self._batch = Batch()
        self._line_number = 0

    def batch(self, block: Block) -> Batch:
        self._batch = Batch(last_line=block.first_line + len(block.lines) - 1, about=self._context.about)
        for self._line_number, line in enumerate(block.lines, block.first_line):
            self._take(line, block.received_at_ms)
        now_ms = block.received_at_ms or self._clock_ms
        self._orphans(self._assembler.expire(self._line_number, now_ms))
        return self._batch

    def end(self) -> Batch:
        self._line_number += 1  # after the last line, so that a resume from it still finds these
        self._batch = Batch(last_line=self._line_number, about=self._context.about)
        self._orphans(self._assembler.rest())
        return self._batch

    def _take(self, line: bytes, received_at_ms: int | None) -> None:
        if not line.strip() or line[:1] == b"#":
            self._ignore("comment" if line.strip() else "blank")
            return
        try:
            sentence = parse(line)
        except MalformedError as malformed:
            if b"VDM" in line or b"VDO" in line or line[:1] not in (b"$", b"!", b"\\"):
                self._reject(self._line_number, line, str(malformed))
            else:
                self._ignore(f"unreadable sentence of another kind: {malformed}")
            return
        if not sentence.is_encapsulated or sentence.name[-3:] not in ("VDM", "VDO"):
            self._tell_time(sentence)
            self._ignore(f"sentence {sentence.name}")
            return
        at_ms = self._heard_at_ms(sentence, received_at_ms)
        try:
            fragment = self._fragment(line, sentence, at_ms)
        except (ValueError, IndexError):
            self._reject(self._line_number, line, "malformed")
            return
        self._assemble(sentence, fragment, at_ms)

    def _assemble(self, sentence: Sentence, fragment: Fragment, at_ms: int | None) -> None:
        if fragment.total == 1:
            self._message([fragment])
            return
        self._orphans(self._assembler.expire(self._line_number, at_ms))
        sequence, channel = sentence.fields[2:4]
        key = (
            sentence.group or f"{fragment.station} {sentence.name}",
            channel,
            sequence,
            str(fragment.total),
        )
        message, orphans = self._assembler.add(key, fragment)
        self._orphans(orphans)
        if message:
            self._message(message)

    def _heard_at_ms(self, sentence: Sentence, received_at_ms: int | None) -> int | None:
        """When the sentence was heard. A ``$PGHP`` stamp is for the sentence whose checksum it names, no
        other.
        """
        if self._stamp and self._stamp.checksum != sentence.checksum:
            self._stamp = None
        if sentence.sent_at_ms is not None:
            self._clock_ms = sentence.sent_at_ms
        stamp_ms = self._stamp.at_ms if self._stamp else None
        return sentence.sent_at_ms or stamp_ms or received_at_ms or self._clock_ms

    def _fragment(self, line: bytes, sentence: Sentence, at_ms: int | None) -> Fragment:
        """The sentence as a fragment of a message (mostly the only one).

        Raises:
            ValueError, IndexError: Its fields are not those of an AIS sentence.
        """
        total, number, _, _, payload, fill_bits = sentence.fields[:6]
        station = sentence.station or (self._stamp.station if self._stamp else None) or self._context.station
        if not 1 <= int(number) <= int(total) <= 9 or not 0 <= int(fill_bits) <= 5:
            raise ValueError(f"fragment {number} of {total}")
        return Fragment(self._line_number, line, payload, int(fill_bits), int(number), int(total), at_ms, station)

    def _message(self, fragments: list[Fragment]) -> None:
        first, payload = fragments[0], "".join(fragment.payload for fragment in fragments)
        raw = b"\n".join(fragment.raw for fragment in fragments)
        try:
            event_type, fields, message = decode(payload, fragments[-1].fill_bits)
        except NotCarriedError as other:
            self._ignore(str(other))
            return
        except ValueError as error:
            self._reject(first.line_number, raw, str(error))
            return
        at_ms = first.at_ms
        if fields["message_type"] == BASE_STATION_REPORT:
            self._believe_base_station(message)
            at_ms = at_ms or self._clock_ms
        if at_ms is None:
            self._reject(first.line_number, raw, "no_time")
            return
        self._accept(event_type, at_ms, payload.encode(), {**fields, "station": first.station}, first, raw)

    def _accept(
        self, event_type: str, at_ms: int, payload: bytes, fields: dict[str, Any], first: Fragment, raw: bytes
    ) -> None:
        if self._line_number <= self._context.start_line:
            return
        try:
            event = make_event(EVENTS[AIS][event_type], event_type, self._context, at_ms, payload, fields)
        except ValidationError as error:
            self._reject(first.line_number, raw, reason_of(error))
            return
        self._batch.accept(event, self._line_number)

    def _tell_time(self, sentence: Sentence) -> None:
        at_ms = told_instant_ms(sentence)
        if at_ms is None:
            return
        if sentence.name == "PGHP" and len(sentence.fields) > 12:
            self._stamp = _Stamp(at_ms, sentence.fields[10] or None, sentence.fields[12].upper())
        elif sentence.name != "PGHP":
            self._clock_ms = at_ms

    def _believe_base_station(self, message: Any) -> None:  # noqa: ANN401  a pyais message
        """Set the clock by message 4, once two reports in a row agree: single base stations have wrong
        clocks.
        """
        try:
            told = datetime(
                message.year,
                message.month,
                message.day,
                message.hour,
                message.minute,
                message.second,
                tzinfo=UTC,
            )
        except ValueError:  # 0, 24 and 60 mean "not available"
            return
        told_ms, before_ms = int(told.timestamp()) * 1000, self._base_station_ms
        self._base_station_ms = told_ms
        agrees = before_ms is not None and abs(told_ms - before_ms) <= CLOCKS_AGREE_MS
        if agrees and told_ms >= FIRST_LAWFUL_MS:
            self._clock_ms = told_ms

    def _orphans(self, fragments: list[Fragment]) -> None:
        for fragment in fragments:
            self._reject(fragment.line_number, fragment.raw, "orphan_fragment")

    def _reject(self, line_number: int, raw: bytes, reason: str) -> None:
        if self._line_number > self._context.start_line:
            self._batch.reject(line_number, raw, reason, at_line=self._line_number)

    def _ignore(self, kind: str) -> None:
        if self._line_number > self._context.start_line:
            self._batch.ignored[kind] += 1
