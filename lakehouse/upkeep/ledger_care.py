"""Care of the ledger: merged and checkpointed by delta-rs, whose commits are atomic between processes.

Streams of several processes write it at any moment, so no lock of theirs is asked for: a commit that another process
makes meanwhile is an appended row, which merging does not touch.
"""

from __future__ import annotations

import deltalake
from deltalake.exceptions import CommitFailedError

from contracts.settings import Settings
from contracts.tables import OPS_LEDGER


def merge_entries(settings: Settings) -> bool:
    """Merge the ledger's one-row files and write a checkpoint; False where another process was just doing so."""
    table = deltalake.DeltaTable(f"{settings.lake}/{OPS_LEDGER.path}")
    try:
        table.optimize.compact(target_size=settings.upkeep_file_mb * 1_000_000)
    except CommitFailedError:
        return False
    table.create_checkpoint()
    return True
