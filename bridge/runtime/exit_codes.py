"""Exit codes of this program's processes."""

from typing import Final

FAILED: Final = 1
CONFIGURATION: Final = 2
CRASHED: Final = 70
"""Exit code after a crash: a supervisor should start the process again."""
INTERRUPTED: Final = 130
"""Exit code after a second signal, which ends the process at once."""
