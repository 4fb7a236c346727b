"""``maritime verify audit``: prove that the log of administrative acts is as it was written."""

from __future__ import annotations

from dataclasses import asdict

import click

from contracts.settings import load_settings
from infra import audit_log
from infra.console import Command, json_option, out, print_json, say


@click.command("audit", cls=Command)
@click.option("--expect", metavar="HASH", help="A hash that was noted before; it must be one of the log's.")
@json_option
def audit(expect: str | None, as_json: bool) -> None:
    """Follow the chain of hashes through the audit log; every changed, removed or moved line is named.

    Ends with 1 when there is one. Note the last hash outside this machine now and then, and give it with --expect:
    only that tells when the whole log was written anew.
    """
    report = audit_log.verify(load_settings(), expect)
    if as_json:
        print_json({**asdict(report), "is_sound": report.is_sound})
    else:
        for finding in report.findings:
            say(f"[red]changed:[/red] {finding}")
        state = "as it was written" if report.is_sound else "NOT as it was written"
        out.print(f"{report.log}: {report.entries} acts, {state}; last hash {report.last_hash}", soft_wrap=True)
    if not report.is_sound:
        raise SystemExit(1)
