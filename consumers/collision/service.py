"""The watch as a service: read, judge, publish, wait for the acknowledgements, and only then commit."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

from confluent_kafka import Message
from pydantic import ConfigDict, ValidationError

from consumers.collision.account import Account, account_file, save
from consumers.collision.picture import Positions
from consumers.collision.reader import Reader, Records
from consumers.collision.teller import Teller, told_since
from consumers.collision.watch import CollisionWatch
from contracts.events import HEADER_EVENT_TYPE, AisPosition
from contracts.settings import Settings
from infra import crash

GATHER_SECONDS = 0.25
"""Reports are judged together in batches of so long: a fourth of the second in which an alert is to be there."""
TELL_EVERY_SECONDS = 5.0
POSITION = b"position"


class ReadPosition(AisPosition):
    """A position as a reader takes it: a field that a newer producer has added is no reason to refuse it."""

    model_config = ConfigDict(extra="ignore")


class Service:
    """Judges what comes until it is told to stop. ``account`` is right at every moment.

    Args:
        settings: Home of the account, broker of the alerts that were told before.
        name: Host and process.
        reader: Where positions come from.
        watch: What judges them.
        teller: Where alerts go.
        stopped: Whether it was asked to end.
        notify: Told of what passes by itself.
    """

    def __init__(
        self,
        settings: Settings,
        name: str,
        reader: Reader,
        watch: CollisionWatch,
        teller: Teller,
        *,
        stopped: Callable[[], bool],
        notify: Callable[[str], None],
    ) -> None:
        self.account = Account(name=name, seen_at=datetime.now(UTC))
        self._settings, self._reader, self._watch, self._teller = settings, reader, watch, teller
        self._stopped, self._notify = stopped, notify
        self._file = account_file(settings)
        self._is_ready = False
        self._saved_at = 0.0

    def run(self, *, once: bool) -> Account:
        """Watch until stopped; with ``once`` until all that is there has been judged.

        Raises:
            UnavailableError: Alerts are not acknowledged. What they rest on is not committed, so they are told by the
                next start.
            MaritimeError: Kafka refuses, has lost records, or another watch has taken over.
        """
        try:
            while not self._stopped() and not (once and self._reader.is_at_end):
                self._take_up(self._reader.next(GATHER_SECONDS))
                if time.monotonic() - self._saved_at > TELL_EVERY_SECONDS:
                    self._save()
        finally:
            self.account.has_left = True
            self._save()
            self._reader.close()
        return self.account

    def _take_up(self, records: Records) -> None:
        if records.known:
            self.account.refilled += len(records.known)
            self._watch.fill(Positions.of(positions_of(records.known)[0]))
        if not self._is_ready and self._reader.is_filled:
            self._get_ready()
        if records.new:
            self._judge(records.new)
        self._reader.done()

    def _get_ready(self) -> None:
        """Take up what was told before, as late as can be: a watch that was taken over from may tell to its end."""
        repeat_ms = round(self._settings.collision_repeat_minutes * 60_000)
        told = list(told_since(self._settings, self._reader.judged_ms - repeat_ms))
        self._watch.remember(told)
        self._is_ready = True
        self._notify(
            f"watching, {len(self._watch.picture.vessels):,} vessels in the picture from {self.account.refilled:,} "
            f"records, {len(told):,} alerts of before"
        )

    def _judge(self, records: Sequence[Message]) -> None:
        positions, kinds = positions_of(records)
        alerts = self._watch.see(Positions.of(positions)) if positions else []
        if alerts:
            crash.point("collision.before_told", self._settings.crash_at)
            self._teller.tell(alerts)
            crash.point("collision.before_commit", self._settings.crash_at)
        self._note(kinds, max(record.timestamp()[1] for record in records))
        told = Counter[str](alert.severity for alert in alerts)
        self.account.told += told
        if told:  # a log names no vessel, so that none has to be erased from it
            self._notify("told " + ", ".join(f"{count:,} {severity}" for severity, count in told.most_common()))

    def _note(self, kinds: Counter[str], newest_ms: int) -> None:
        account = self.account
        account.read += kinds.total()
        account.positions += kinds["positions"]
        account.others += kinds["others"]
        account.behind_seconds = time.time() - newest_ms / 1_000
        if kinds["unreadable"]:
            account.unreadable += kinds["unreadable"]
            self._notify(f"{kinds['unreadable']:,} records hold no position; Silver keeps them in quarantine")

    def _save(self) -> None:
        """Note how the watch is, for ``maritime status``."""
        self._saved_at = time.monotonic()
        self.account.seen_at, picture = datetime.now(UTC), self._watch.picture
        self.account.vessels = len(picture.vessels)
        self.account.event_at = datetime.fromtimestamp(picture.now_s, UTC) if len(picture.vessels) else None
        save(self._file, self.account)


def positions_of(records: Iterable[Message]) -> tuple[list[AisPosition], Counter[str]]:
    """The positions of some records, and how many records were ``positions``, ``others`` and ``unreadable``."""
    found: list[AisPosition] = []
    kinds: Counter[str] = Counter()
    for record in records:
        event_type = dict(record.headers() or ()).get(HEADER_EVENT_TYPE, POSITION)
        if event_type != POSITION:
            kinds["others"] += 1
            continue
        try:
            found.append(ReadPosition.model_validate_json(record.value() or b""))
        except ValidationError:
            kinds["unreadable"] += 1
    kinds["positions"] = len(found)
    return found, kinds
