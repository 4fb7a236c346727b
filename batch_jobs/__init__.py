"""Lake to lake: the voyages and emissions reports."""
