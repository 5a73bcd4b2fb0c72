"""Exit codes of this program's processes."""

from typing import Final

FAILED: Final = 1
CONFIGURATION: Final = 2
NOT_CHECKED: Final = 3
"""Exit code of `prove` if it cannot check a stream: the stream cannot be read, or there is no manifest for it."""
NOT_RUNNING: Final = 3
"""Exit code of a command that needs a running bridge, if no bridge is running."""
NO_PERMISSION: Final = 4
"""Exit code if this user may not use the files of the bridge."""
CRASHED: Final = 70
"""Exit code after a crash. A process supervisor such as systemd should start the process again."""
INTERRUPTED: Final = 130
"""Exit code after a second SIGTERM or SIGINT, which ends the process at once."""
