"""Silver and Gold go on where the ledger ends: also after their checkpoint was lost or their source was changed."""
