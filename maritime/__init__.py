"""The front door: the maritime command and the Python API."""
