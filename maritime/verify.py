"""``maritime verify``: prove that nothing was lost and nothing is there twice."""

from __future__ import annotations

import click

from maritime.lazy import LazyGroup

COMMANDS: dict[str, tuple[str, str]] = {
    "ledger": ("maritime.verify_ledger:verify_ledger", "Recount every batch from the tables and the broker."),
    "delivery": ("maritime.verify_delivery:delivery", "Kill every part while records flow: each arrives once."),
    "evidence": ("maritime.verify_evidence:verify_evidence", "Compute a row anew from its raw records."),
    "erase": ("maritime.verify_erase:verify_erase", "An erased vessel: no file, log or topic names it."),
    "audit": ("maritime.verify_audit:audit", "The audit log: no line of it was changed, removed or moved."),
}


@click.group("verify", cls=LazyGroup, commands_at=COMMANDS)
def verify() -> None:
    """Prove from the tables and the broker that every record is in the lake once, or named with the reason."""
