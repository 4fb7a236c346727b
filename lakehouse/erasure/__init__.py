"""Lawful erasure: how a vessel leaves the tables, their history and their logs, and the proof that it has."""
