"""The recount: what the ledger says, held against the tables and the broker. No Spark is started."""
