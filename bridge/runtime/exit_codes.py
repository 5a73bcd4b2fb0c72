"""How a process of this program ends."""

from typing import Final

FAILED: Final = 1
CONFIGURATION: Final = 2
CRASHED: Final = 70
"""A supervisor should start it again."""
INTERRUPTED: Final = 130
"""By a second signal, at once."""
