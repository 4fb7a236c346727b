"""``maritime quarantine``: what the Silver streams refused and why, and judging it again after a correction."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import click
import deltalake

from contracts.errors import ConfigurationError, InputError
from contracts.settings import Settings, load_settings
from contracts.tables import SILVER_QUARANTINE, SILVER_VERDICTS, Table
from infra.console import Group, json_option, out, print_json, print_table, say
from infra.raw_text import readable
from maritime.options import chosen_topics, topic_option
from maritime.sql import query

if TYPE_CHECKING:
    from lakehouse.replay_account import Account

RECORD = "kafka_topic, kafka_partition, kafka_offset, published_at"
COUNTS = ("stream", "rule", "schema_version", "records", "still_open", "first_seen_at", "last_seen_at")
PLACE = ("stream", "rule", "kafka_topic", "kafka_partition", "kafka_offset", "published_at", "verdict", "held_by")
rule_option = click.option("--rule", help="Only records that this rule refused.")


@click.group("quarantine", cls=Group)
def quarantine() -> None:
    """See which records Silver refused and why; judge them again after a rule or a parser was corrected."""


@quarantine.command("list")
@rule_option
@topic_option
@json_option
def list_command(rule: str | None, short: str | None, as_json: bool) -> None:
    """Count refused records by stream, rule and contract version; open are those that no replay has settled."""
    text = """
        SELECT stream, rule, schema_version, count(*) AS records,
            count(*) FILTER (verdict IS NULL OR verdict = 'quarantined') AS still_open,
            min(published_at) AS first_seen_at, max(published_at) AS last_seen_at
        FROM refused GROUP BY ALL ORDER BY records DESC, stream, rule"""
    rows = _select(load_settings(), text, rule, short)
    if as_json:
        print_json({"quarantine": [dict(zip(COUNTS, row, strict=True)) for row in rows]})
        return
    columns = ("stream", "rule", "contract", "records", "open", "first seen", "last seen")
    print_table("In quarantine", columns, [(*row[:5], f"{row[5]:%F %T}", f"{row[6]:%F %T}") for row in rows])


@quarantine.command("show")
@rule_option
@topic_option
@click.option("--limit", default=10, show_default=True, type=click.IntRange(min=1), help="Most records shown.")
@json_option
def show(rule: str | None, short: str | None, limit: int, as_json: bool) -> None:
    """Show refused records, newest first: rule, place in Kafka, second verdict, and their bytes as text.

    What is not text is shown as an escape; --json has all bytes, as base64.
    """
    text = f"SELECT {', '.join(PLACE)}, value FROM refused ORDER BY published_at DESC, kafka_offset DESC LIMIT {limit}"  # nosec B608
    records = [dict(zip((*PLACE, "value"), row, strict=True)) for row in _select(load_settings(), text, rule, short)]
    if as_json:
        print_json({"records": [_as_json(record) for record in records]})
        return
    for record in records:
        place = f"{record['kafka_topic']} {record['kafka_partition']}:{record['kafka_offset']}"
        again = f", judged again: {record['verdict']} {record['held_by'] or ''}".rstrip() if record["verdict"] else ""
        out.print(f"{place}  {record['rule']}  {record['published_at']:%F %T}{again}", highlight=False, markup=False)
        click.echo(f"  {readable(record['value'])}")


@quarantine.command("replay")
@click.option("--rule", help="Rule that refused the records; needed, unless for a dry run.")
@topic_option
@click.option("--dry-run", is_flag=True, help="Tell what would change, by rule, and write nothing.")
@json_option
def replay_command(rule: str | None, short: str | None, dry_run: bool, as_json: bool) -> None:
    """Judge refused records again by today's rules; what is lawful now goes its stream's own way, once.

    Stop the streams before (`maritime down`); a dry run may go on beside them. The first verdict stays in
    silver.quarantine, the second goes to silver.verdicts. A second replay changes nothing, and one that broke off is
    finished by the next.

    Example: maritime quarantine replay --rule speed_limit --dry-run

    Raises:
        ConfigurationError: No rule was named.
        InputError: No record was refused by the rule.
    """
    from lakehouse.replay import replay  # Spark, which the other commands can do without
    from lakehouse.session import spark_session

    settings = load_settings()
    if rule is None and not dry_run:
        raise ConfigurationError("Name the rule that was corrected: --rule R (`maritime quarantine list` tells them).")
    _refuse_unknown_rule(settings, rule)
    topics = chosen_topics(short)
    accounts = replay(spark_session(settings, "maritimeiq"), settings, rule, topics, dry_run=dry_run)
    if as_json:
        print_json({"dry_run": dry_run, "rules": [account.as_json() for account in accounts]})
    elif accounts:
        _print(accounts, dry_run=dry_run)
    else:
        say("No record is open: all have a last verdict.")


def _print(accounts: list[Account], *, dry_run: bool) -> None:
    from lakehouse.replay_account import SHOWN  # as above

    title = "Would change (nothing was written)" if dry_run else "Replayed"
    print_table(title, (*SHOWN, "gold rows"), [account.as_row() for account in accounts])
    for account in accounts:
        for rule, count in account.held_by.items():
            out.print(f"  {account.stream} {account.rule}: {count:,} still held by {rule}", highlight=False)


def _refuse_unknown_rule(settings: Settings, rule: str | None) -> None:
    known = [row[0] for row in _select(settings, "SELECT DISTINCT rule FROM refused ORDER BY 1", None, None)]
    held = [row[0] for row in _select(settings, "SELECT DISTINCT held_by FROM refused ORDER BY 1", None, None)]
    if rule is not None and rule not in (*known, *held):
        raise InputError(f"No record was refused by the rule {rule}. Rules with records: {', '.join(known) or 'none'}.")


def _select(settings: Settings, text: str, rule: str | None, short: str | None) -> list[tuple[Any, ...]]:
    """Rows of a SELECT over ``refused``: the quarantine, each record with its last second verdict."""
    if not _is_there(settings, SILVER_QUARANTINE):
        return []
    last = f"""
        SELECT {RECORD}, arg_max(verdict, batch_id) AS verdict, arg_max(coalesce(rule, ''), batch_id) AS held_by
        FROM {SILVER_VERDICTS.name} GROUP BY ALL"""  # nosec B608
    none = f"SELECT {RECORD}, NULL::VARCHAR AS verdict, NULL::VARCHAR AS held_by FROM {SILVER_QUARANTINE.name} LIMIT 0"  # nosec B608
    only = [f"{column} = '{value}'" for column, value in (("rule", _quoted(rule)), ("stream", _stream(short))) if value]
    with_last = f"""
        WITH last AS ({last if _is_there(settings, SILVER_VERDICTS) else none}), refused AS (
            SELECT q.*, last.verdict, nullif(last.held_by, '') AS held_by
            FROM {SILVER_QUARANTINE.name} AS q LEFT JOIN last USING ({RECORD})
            {"WHERE " + " AND ".join(only) if only else ""})
        {text}"""  # nosec B608
    return query(settings, with_last).fetchall()


def _quoted(text: str | None) -> str | None:
    return text.replace("'", "''") if text else None


def _stream(short: str | None) -> str | None:
    return f"silver.{short}" if short else None


def _is_there(settings: Settings, table: Table) -> bool:
    return bool(deltalake.DeltaTable.is_deltatable(f"{settings.lake}/{table.path}"))


def _as_json(record: dict[str, Any]) -> dict[str, Any]:
    raw = record.pop("value")
    encoded = None if raw is None else base64.b64encode(raw).decode()
    return {**record, "size_bytes": len(raw or b""), "text": readable(raw), "value_base64": encoded}
