"""The lake: session, store, ledger, Silver and Gold streams."""
