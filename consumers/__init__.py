"""Kafka to the lake: the Bronze stream."""
