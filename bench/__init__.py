"""Measurements of docs/performance.md, each with its rival or its limit in the same run."""
