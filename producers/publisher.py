"""Publishing to Kafka: every record is followed until the broker has acknowledged it."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from confluent_kafka import KafkaError, KafkaException

from contracts.errors import MaritimeError, UnavailableError
from contracts.events import HEADER_SOURCE
from contracts.topics import Topic
from infra.security.refusals import Watch
from producers.feeds.base import Batch, Headers, Rejection

HEADER_REASON = "reason"
HEADER_LINE_NUMBER = "line-number"
HEADER_FORMAT = "format"
HEADER_SIZE = "raw-size-bytes"
LARGEST_DEAD_LETTER_BYTES = 900_000  # a broker takes 1 MB by default; what is longer is cut and says its size
AWAY_AFTER_SECONDS = 2.0


class Wire(Protocol):
    """What we need of a Kafka client; ``confluent_kafka.Producer`` has it."""

    def produce(self, topic: str, **message: Any) -> None:  # noqa: ANN401  the client's own signature
        """Queue a message; ``BufferError`` when the queue is full."""
        ...

    def poll(self, timeout: float) -> int:
        """Serve delivery reports; how many."""
        ...

    def purge(self, in_queue: bool = ..., in_flight: bool = ..., blocking: bool = ...) -> None:
        """Forget what is not yet acknowledged."""
        ...


@dataclass(slots=True)
class Piece:
    """Records that were sent together, and how many of them still wait for their acknowledgement."""

    end_line: int
    events: int
    rejections: int
    events_pending: int = 0
    rejections_pending: int = 0
    failures: list[KafkaError] = field(default_factory=list)

    def on_event(self, error: KafkaError | None, _message: object) -> None:
        """Delivery report of an event."""
        if error is None:
            self.events_pending -= 1
        else:
            self.failures.append(error)

    def on_rejection(self, error: KafkaError | None, _message: object) -> None:
        """Delivery report of a dead letter."""
        if error is None:
            self.rejections_pending -= 1
        else:
            self.failures.append(error)

    @property
    def is_delivered(self) -> bool:
        """Whether the broker has acknowledged all of it."""
        return self.events_pending == 0 and self.rejections_pending == 0


class Publisher:
    """Sends batches to a topic, and what is refused to its dead letter topic.

    Attributes:
        delivered_line: Everything up to this line of the current input is acknowledged.
    """

    def __init__(
        self,
        wire: Wire,
        topic: Topic,
        *,
        format_name: str,
        source: str,
        away_seconds: float,
        notify: Callable[[str], None],
        watch: Watch | None = None,
    ) -> None:
        self.delivered_line = 0
        self.rejected: Counter[str] = Counter()
        self.read = 0
        self._wire, self._topic, self._format, self._source = wire, topic, format_name, source
        self._away_seconds, self._notify, self._watch = away_seconds, notify, watch or Watch()
        self._pieces: deque[Piece] = deque()
        self._events_delivered = self._rejections_delivered = 0
        self._heard_at = time.monotonic()
        self._is_away = False

    @property
    def delivered(self) -> int:
        """Events that the broker has acknowledged."""
        return self._events_delivered + sum(piece.events - piece.events_pending for piece in self._pieces)

    @property
    def dead_letters(self) -> int:
        """Rejections that the broker has acknowledged on the dead letter topic."""
        return self._rejections_delivered + sum(p.rejections - p.rejections_pending for p in self._pieces)

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits for an acknowledgement."""
        return not self._pieces

    def begin_input(self, line: int) -> None:
        """Start counting lines of another input; everything before it must be delivered."""
        self.delivered_line = line

    def send(self, batch: Batch) -> None:
        """Send one batch; blocks while the client's queue is full.

        Raises:
            AccessError: The broker refused the login or the right to write, or its certificate is not trusted.
            UnavailableError: Nothing was acknowledged for too long, or the broker refused a message for good.
        """
        if not self._pieces:
            self._heard_at = time.monotonic()
        piece = Piece(batch.last_line, len(batch.values), len(batch.rejections))
        piece.events_pending, piece.rejections_pending = piece.events, piece.rejections
        self._pieces.append(piece)
        self.read += len(batch)
        self._send_events(batch, piece)
        for rejection in batch.rejections:
            self.rejected[rejection.reason] += 1
            self._send_rejection(rejection, piece)
        self.serve(0)

    def serve(self, seconds: float) -> None:
        """Let delivery reports come in.

        Raises:
            UnavailableError: As ``send``.
        """
        waiting = self._waiting()
        try:
            self._wire.poll(seconds)  # its result is no answer: it also counts reports of failed connections
        except KafkaException as error:  # the client has given up for good: it was refused a producer's number
            raise self._refused(error.args[0]) from error
        if waiting == 0 or self._waiting() < waiting:
            self._heard(time.monotonic())
        while self._pieces and self._pieces[0].is_delivered:
            piece = self._pieces.popleft()
            self._events_delivered += piece.events
            self._rejections_delivered += piece.rejections
            self.delivered_line = piece.end_line
        if self._pieces and self._pieces[0].failures:
            raise self._refused(self._pieces[0].failures[0])
        self._look_out(time.monotonic() - self._heard_at)

    def flush(self) -> None:
        """Wait until everything is acknowledged.

        Raises:
            UnavailableError: As ``send``.
        """
        self.serve(0)
        while self._pieces:
            self.serve(0.1)

    def give_up(self) -> None:
        """Forget what is not acknowledged, so that the process can end; it will be sent again after a
        resume.
        """
        self._wire.purge()
        self._wire.poll(0)

    def _send_events(self, batch: Batch, piece: Piece) -> None:
        produce, topic, report = self._wire.produce, self._topic.name, piece.on_event
        values, keys, headers = batch.values, batch.keys, batch.headers
        i = 0
        while i < len(values):
            try:
                for i in range(i, len(values)):  # noqa: B020  goes on where the full queue stopped it
                    produce(topic, value=values[i], key=keys[i], headers=headers[i], on_delivery=report)
                return
            except BufferError:
                self.serve(0.1)
            except KafkaException as error:
                raise self._refused(error.args[0]) from error

    def _send_rejection(self, rejection: Rejection, piece: Piece) -> None:
        headers: Headers = [
            (HEADER_REASON, rejection.reason.encode()),
            (HEADER_LINE_NUMBER, str(rejection.line_number).encode()),
            (HEADER_SOURCE, (self._source or self._format).encode()),
            (HEADER_FORMAT, self._format.encode()),
            *rejection.about,
        ]
        if len(rejection.raw) > LARGEST_DEAD_LETTER_BYTES:
            headers.append((HEADER_SIZE, str(len(rejection.raw)).encode()))
        raw = rejection.raw[:LARGEST_DEAD_LETTER_BYTES]
        while True:
            try:
                self._wire.produce(
                    self._topic.dead_letter.name, value=raw, headers=headers, on_delivery=piece.on_rejection
                )
                return
            except BufferError:
                self.serve(0.1)

    def _waiting(self) -> int:
        """Records that are not acknowledged."""
        return sum(piece.events_pending + piece.rejections_pending for piece in self._pieces)

    def _heard(self, now: float) -> None:
        if self._is_away:
            self._notify(f"Kafka answers again after {now - self._heard_at:.0f} s")
            self._is_away = False
        self._heard_at = now

    def _refused(self, error: KafkaError) -> MaritimeError:
        because = self._watch.explain(error, f"write to {self._topic.name}") or self._watch.refusal
        return because or UnavailableError(f"Kafka refused {self._topic.name}: {error}")

    def _look_out(self, silent_seconds: float) -> None:
        """Tell people that the broker is away, and give up in the end."""
        waiting = self._waiting()
        if silent_seconds > AWAY_AFTER_SECONDS and self._watch.refusal is not None:
            raise self._watch.refusal  # a wrong password does not become right by waiting
        if silent_seconds > self._away_seconds:
            because = self._watch.last
            raise UnavailableError(
                f"Kafka has acknowledged nothing for {silent_seconds:.0f} s with {waiting:,} records waiting"
                + (f" ({because})." if because else ".")
            )
        if not self._is_away and silent_seconds > AWAY_AFTER_SECONDS:
            self._is_away = True
            self._notify(f"Kafka is away: {waiting:,} records wait, giving up after {self._away_seconds:.0f} s")
