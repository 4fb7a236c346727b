"""Faults of three brokers and of the lake's writers: nothing acknowledged may be lost, twice or out of order."""
