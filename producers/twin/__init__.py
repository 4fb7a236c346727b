"""The fleet twin: a seeded fleet whose months no open data tells, with the truth written beside it.

Everything that it makes says ``source=twin``. Start with ``generate``.
"""

from producers.twin.config import FaultRates, TwinConfig, TwinSummary
from producers.twin.generate import generate

__all__ = ["FaultRates", "TwinConfig", "TwinSummary", "generate"]
