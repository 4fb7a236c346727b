"""Collision watch: the last known state of all vessels, and alerts for pairs that come too close."""
