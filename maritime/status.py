"""``maritime status``: topics, streams and tables at a glance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import click

from consumers.collision.account import account_file, load
from consumers.dispatch.status import dispatch_status
from contracts.settings import load_settings
from infra.console import Command, json_option, print_json, print_table, say
from lakehouse.lineage.emitter import Account, accounts
from lakehouse.status import OUTCOMES, Status, StreamStatus, line_status
from maritime.dispatch import print_dispatch
from maritime.watch_collisions import print_watch


@click.command(cls=Command)
@json_option
def status(as_json: bool) -> None:
    """Show each source, topic, stream and table: why one is silent, lag, rows by outcome, freshness.

    Spark is not started. Ends with 1 when a batch in the ledger does not add up
    (read = accepted + quarantined + duplicate + late).
    """
    settings, now = load_settings(), datetime.now(UTC)
    found = line_status(settings, now)
    dispatch = dispatch_status(settings, ask_broker=found.broker == "up")
    watch = load(account_file(settings))
    if as_json:
        lineage = [asdict(account) for account in accounts(settings)]
        told = {**asdict(found), "watch": watch and watch.as_json(), "dispatch": dispatch.as_json(now)}
        print_json({**told, "lineage": lineage, "is_sound": found.is_sound})
    else:
        _print(found)
        print_watch(watch)
        print_dispatch(dispatch)
        _print_lineage(accounts(settings))
    if not found.is_sound:
        raise SystemExit(1)


def _print(found: Status) -> None:
    if found.broker != "up":
        say(f"[yellow]Broker:[/yellow] {found.broker}. Bronze's lag cannot be told.")
    if found.topics:
        rows = [(t.topic, len(t.partitions), t.records) for t in found.topics]
        print_table("Topics", ["topic", "partitions", "records"], rows)
    _print_sources(found)
    columns = ["stream", "last batch", "ago", "read", *(name.removeprefix("rows_") for name in OUTCOMES)]
    columns += ["in last batch", "lag records", "lag seconds", "adds up"]
    print_table("Streams", columns, [_stream_row(stream) for stream in found.streams])
    rows_of_tables = [
        (
            t.table,
            t.rows,
            t.version,
            t.files,
            t.size_mb,
            _ago(t.age_seconds),
            t.newest_at and f"{t.newest_at:%F %T}",
        )
        for t in found.tables
    ]
    names = ["table", "rows", "version", "files", "MB", "changed", "newest observation"]
    print_table("Tables", names, rows_of_tables)


def _print_sources(found: Status) -> None:
    """One line a source: is it silent, why, and what to do."""
    if found.sources:
        rows = [
            (told.source, told.verdict, told.since and f"{told.since:%F %T}", told.reason, told.advice)
            for told in found.sources
        ]
        print_table("Sources", ["source", "verdict", "since", "why", "what to do"], rows)


def _print_lineage(found: Sequence[Account]) -> None:
    """How the OpenLineage events of each process fared: since it began, or of its last run."""
    if found:
        columns = ["process", "since", "events written", "lost", "posted", "not posted", "last failure"]
        rows = [(a.process, f"{a.started_at:%F %T}", a.written, a.lost, *_posts(a), a.last_error) for a in found]
        print_table("Lineage", columns, rows)


def _posts(account: Account) -> tuple[int | None, int | None]:
    return (account.posted, account.failed) if account.endpoint else (None, None)


def _stream_row(stream: StreamStatus) -> list[object]:
    ended = stream.last_finished_at
    return [
        stream.stream,
        stream.last_batch,
        _ago((datetime.now(UTC) - ended).total_seconds()) if ended else None,
        *(stream.total[name] for name in ("rows_read", *OUTCOMES)),
        stream.last.get("rows_read"),
        stream.lag_records,
        stream.lag_seconds,
        "NO: batches " + ", ".join(map(str, stream.broken_batches)) if stream.broken_batches else "yes",
    ]


def _ago(seconds: float) -> str:
    return f"{timedelta(seconds=round(seconds))} ago"
