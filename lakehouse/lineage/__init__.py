"""OpenLineage events of every batch and job run: which offsets and versions became which version."""
