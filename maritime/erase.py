"""``maritime erase``: take a vessel out of topics, tables, their history, and files, and prove that it is gone."""

from __future__ import annotations

import secrets
import signal
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from types import FrameType
from typing import Any

import click

from consumers.collision.account import LOCK
from consumers.dispatch.status import condition_of, dispatch_status
from contracts.errors import InputError, LockedError
from contracts.settings import Settings, load_settings
from contracts.topics import TOPICS, Topic
from infra import audit_log
from infra.console import Command, json_option, out, print_json, print_table, say
from infra.erasure import letters, topics
from infra.erasure.files import erase_in_files
from infra.erasure.hits import Hit
from infra.erasure.subject import Subject
from infra.lock import single_writer
from infra.topics import EVERY
from lakehouse import ledger, origins
from lakehouse.erasure.tables import TableErasure, erase_from, named_tables, pins, unread
from lakehouse.session import spark_session
from lakehouse.store import Store
from lakehouse.upkeep.health import tables_there
from lakehouse.upkeep.ops_tables import is_ops, upkeep_turn
from maritime.erasure_proof import SEGMENT, TOPIC, prove
from maritime.verify_erase import print_hits
from maritime.writers import FLOWS, JOBS

KEY_BYTES = 32


@dataclass(slots=True)
class Erasure:
    """What an erasure found, did and left."""

    found: list[Hit]
    released: list[str]
    topics: dict[str, int] = field(default_factory=dict)
    tables: list[TableErasure] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    left: list[Hit] = field(default_factory=list)


@click.command("erase", cls=Command)
@click.option("--mmsi", type=int, required=True, help="The vessel.")
@click.option("--dry-run", is_flag=True, help="Say what would be erased and what stands in its way; change nothing.")
@click.option("--release-pins", is_flag=True, help="Give up table versions that reports and models still name.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def erase(mmsi: int, dry_run: bool, release_pins: bool, yes: bool, as_json: bool) -> None:
    """Erase a vessel, as the law may ask for a person's data: it cannot be undone.

    From topics and dead letters, every table with its old versions and its log, reports and the journal of dispatch.
    Streams, jobs, watch and dispatch must be stopped and have read everything. The audit log keeps that it was done,
    and only a keyed hash of the number. Ends with 0 when the search afterwards finds nothing, with 1 and the places
    when it does. Run it again after it was interrupted: it goes on.
    """
    settings, subject = load_settings(), Subject(mmsi)
    with ExitStack() as held:
        if not dry_run:
            held.enter_context(_alone(settings))
            signal.signal(signal.SIGTERM, _ended)  # so that topics get their own settings back
        found = prove(settings, subject)
        obstacles = _obstacles(settings, found, is_releasing=release_pins)
        if dry_run:
            _tell_plan(found, obstacles, as_json=as_json)
            return
        if obstacles:
            raise InputError(" ".join(obstacles))
        if found and not yes:
            click.confirm(f"Erase what {len(found)} places hold of this vessel, for good?", abort=True, err=True)
        done = _erase(settings, subject, found)
    _tell(done, as_json=as_json)
    if done.left:
        raise SystemExit(1)


def _erase(settings: Settings, subject: Subject, found: list[Hit]) -> Erasure:
    """Topics first: what is erased from the lake must not be read into it again."""
    now, erasure_id = datetime.now(UTC), str(uuid.uuid4())
    released = sorted({reader.name for table in named_tables(found) for reader in pins(table, settings, now)})
    done, under_way = Erasure(found, released), settings.audit_home / "erasure.open"
    for topic in EVERY:
        topics.release(settings, topic.name)  # what an erasure that was killed has left behind
    if not found and not under_way.exists():
        return done
    who = {"erasure": erasure_id, "subject": subject.hashed(_key(settings))}
    audit_log.append(settings, "erasure begun", {**who, "places": len(found), "released": released})
    under_way.touch(mode=0o600)
    _erase_topics(settings, subject, done)
    for table in tables_there(settings):
        say(f"Erasing from {table.name}")
        with upkeep_turn(table, settings) if is_ops(table) else nullcontext():
            one = erase_from(table, settings, partial(_store, settings), subject, erasure_id, found)
        if one.rows or one.files or one.log_files:
            done.tables.append(one)
    made_anew = [settings.reports.absolute(), settings.home.absolute() / "quality"]
    done.files = erase_in_files([hit for hit in found if Path(hit.where).is_absolute()], subject, made_anew)
    say("Searching once more")
    done.left = prove(settings, subject)
    told = {"tables": [asdict(table) for table in done.tables], "topics": done.topics, "files": len(done.files)}
    audit_log.append(settings, "erasure ended", {**who, **told, "places_left": len(done.left)})
    under_way.unlink()
    return done


def _erase_topics(settings: Settings, subject: Subject, done: Erasure) -> None:
    readable = {hit.where: hit.count for hit in done.found if hit.kind == TOPIC}
    for topic in TOPICS:
        if _is_named(topic, done.found):
            say(f"Emptying {topic.name}: the broker deletes its files when it looks for them next")
            topics.empty(settings, topic.name, partial(_refuse_unread, settings, topic))
            done.topics[topic.name] = readable.get(topic.name, 0)
        if _is_named(topic.dead_letter, done.found):
            say(f"Writing {topic.dead_letter.name} anew")
            done.topics[topic.dead_letter.name] = letters.rewrite(settings, topic.dead_letter.name, subject)


def _is_named(topic: Topic, found: Sequence[Hit]) -> bool:
    """Whether the topic has a hit: what can be read, or what lies in a file of one of its partitions."""
    return any(
        (hit.kind == TOPIC and hit.where == topic.name)
        or (hit.kind == SEGMENT and Path(hit.where).parent.name.startswith(f"{topic.name}-"))
        for hit in found
    )


def _obstacles(settings: Settings, found: Sequence[Hit], *, is_releasing: bool) -> list[str]:
    """What stands in the way, one sentence each."""
    sentences, now = [], datetime.now(UTC)
    for table in named_tables(found):
        for reader in unread(table, settings, now):
            sentences.append(
                f"{reader.name} has not read all of {table.name}: run `maritime stream all --once`, then try again."
            )
        if not is_releasing and (pinned := pins(table, settings, now)):
            names = ", ".join(reader.name for reader in pinned)
            sentences.append(f"{names} could not be retraced in {table.name} any more: add --release-pins.")
    for topic in TOPICS:
        if _is_named(topic, found):
            try:
                _refuse_unread(settings, topic, topics.state_of(settings, topic.name).marks)
            except InputError as error:
                sentences.append(str(error))
    return sentences


def _refuse_unread(settings: Settings, topic: Topic, marks: topics.Marks) -> None:
    """See that everybody who reads a topic has read it, before it is emptied.

    Raises:
        InputError: Bronze or a consumer group has not.
    """
    stream = f"bronze.{topic.short}"
    reached = origins.reached(origins.origins(settings.lake, stream), ledger.entries(settings.lake, stream)).offsets
    left = sum(max(0, high - max(low, reached.get(partition, 0))) for partition, (low, high) in marks.items())
    if left:
        raise InputError(f"{left:,} records of {topic.name} are not in Bronze yet: run `maritime stream all --once`.")
    behind = topics.lagging_groups(settings, topic.name, marks)
    if behind:
        who = ", ".join(f"{group} ({count:,} records)" for group, count in behind.items())
        raise InputError(f"{topic.name} would be emptied before it was read by the consumer group {who}: let it read.")


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """While no stream, job, watch or dispatcher runs.

    Raises:
        LockedError: One does.
    """
    names = [LOCK, *(flow.name for flow in FLOWS), *sorted({name for names in JOBS.values() for name in names})]
    dispatch = dispatch_status(settings, ask_broker=False)
    if any(condition_of(member, datetime.now(UTC)) == "running" for member in dispatch.members):
        raise LockedError("An erasure needs everything to stand still, and `maritime dispatch` runs: stop it first.")
    with ExitStack() as held:
        for name in names:
            try:
                held.enter_context(single_writer(Path(settings.home) / "locks", name))
            except LockedError as error:
                raise LockedError(
                    f"An erasure needs everything to stand still, and {name} runs: `maritime down`, or stop it, first."
                ) from error
        yield


def _ended(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _key(settings: Settings) -> bytes:
    """The key of this home's hashes; without it nobody can tell of a hash whose it is."""
    path = settings.audit_home / "subjects.key"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
        path.write_bytes(secrets.token_bytes(KEY_BYTES))
    return path.read_bytes()


@cache
def _store(settings: Settings) -> Store:
    say("Starting Spark")
    return Store(spark_session(settings, "maritime-erase"), settings.lake)


def _tell_plan(found: Sequence[Hit], obstacles: Sequence[str], *, as_json: bool) -> None:
    if as_json:
        print_json({"dry_run": True, "hits": [asdict(hit) for hit in found], "obstacles": obstacles})
        return
    print_hits(found)
    for sentence in obstacles:
        say(f"[yellow]in the way:[/yellow] {sentence}")
    out.print(f"{len(found)} places name the vessel; nothing was changed.")


def _tell(done: Erasure, *, as_json: bool) -> None:
    if as_json:
        print_json({"is_erased": not done.left, **_facts(done)})
        return
    if done.tables:
        print_table(
            "Tables", ["table", "rows", "old files", "log files"], [list(asdict(t).values()) for t in done.tables]
        )
    if done.topics:
        print_table("Topics", ["topic", "records"], [list(item) for item in done.topics.items()])
    for path in done.files:
        say(f"erased from {path}")
    print_hits(done.left)
    out.print("[red]Some of it is still there.[/red]" if done.left else "0 hits: nothing names the vessel.")


def _facts(done: Erasure) -> dict[str, Any]:
    return {
        "tables": [asdict(table) for table in done.tables],
        "topics": done.topics,
        "files": done.files,
        "released": done.released,
        "hits_before": len(done.found),
        "hits": [asdict(hit) for hit in done.left],
    }
