"""The proof of delivery: a known stream, processes that are killed on a schedule, and a checker of what arrived."""
