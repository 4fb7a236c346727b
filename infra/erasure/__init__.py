"""Lawful erasure: what names a vessel, and how it leaves the broker."""
