"""Files of a support bundle. Each file is created independently of the others.

If a file cannot be created, the bundle contains the reason instead.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import shutil
import ssl
import subprocess
import sys
import urllib.request
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from bridge import __version__
from bridge.config import load_settings
from bridge.errors import ConfigError
from bridge.mapping.loading.mapping_loader import is_mapping_file
from bridge.runtime.control_channel import request
from bridge.tools.support.redaction import without_secrets
from bridge.yaml_files import read_document

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


LOG_LINES: Final = 5_000
_UNIT: Final = "mqtt-kinesis"
_JOURNAL_SECS: Final = 20.0
_PAGE_SECS: Final = 10.0
# Keys: addresses of a server that listens on every interface. Values: addresses at which this machine reaches it.
_ANY_HOST: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, and not listened on


def versions() -> str:
    """Return the versions of the program, Python, the system, and all installed packages, as JSON."""
    packages = {each.metadata["Name"]: each.version for each in importlib.metadata.distributions()}
    about = {
        "mqtt-kinesis": __version__,
        "python": sys.version,
        "platform": platform.platform(),
        "processors": os.cpu_count(),
        "packages": dict(sorted(packages.items(), key=lambda item: str(item[0]).lower())),
    }
    return json.dumps(about, indent=2)


def configuration(config: Path) -> str:
    """Return the options of the configuration, without secrets, as JSON. Raise ConfigError."""
    return json.dumps(without_secrets(read_document(config, substitute=False, environ={}).data), indent=2, default=str)


def problems(config: Path, environ: Mapping[str, str]) -> str:
    """Return the errors of the configuration, or "" if there are none."""
    try:
        load_settings(config, environ)
    except ConfigError as error:
        return str(error)
    return ""


def mapping_files(folder: Path) -> list[Path]:
    """Return the mapping files, sorted by name. Raise OSError."""
    return sorted(file for file in folder.iterdir() if is_mapping_file(file))


def mapping_text(file: Path) -> str:
    """Return the text of a mapping file. Raise OSError."""
    return file.read_text(encoding="utf-8", errors="replace")


def status(folder: Path) -> str:
    """Return the response of the bridge whose control channel is in `folder`, as JSON. Raise BridgeError."""
    return json.dumps(request(folder), indent=2)


def metrics(config: Path, environ: Mapping[str, str]) -> str:
    """Return the metrics of the running bridge. Raise ConfigError, OSError."""
    http = load_settings(config, environ).http
    if http is None:
        raise OSError("the page is turned off (http: null)")
    host = _ANY_HOST.get(http.host, http.host)
    scheme = "https" if http.cert_file else "http"
    address = f"{scheme}://{f'[{host}]' if ':' in host else host}:{http.port}/metrics"
    token = http.token or http.view_token
    headers = {"Authorization": f"Bearer {token.get_secret_value()}"} if token else {}
    context = ssl.create_default_context(cafile=http.cert_file) if http.cert_file else None
    if context is not None:
        context.check_hostname = False  # the certificate is issued for the name that other clients use
        # The certificate itself is the trusted one, so the strict rules for CA certificates do not apply to it.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    # The page is on this machine. By default, urllib would send the token to the proxy that HTTP_PROXY names.
    handlers = [urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)]
    wanted = urllib.request.Request(address, headers=headers)  # noqa: S310 - the scheme is one of the two above
    with urllib.request.build_opener(*handlers).open(wanted, timeout=_PAGE_SECS) as response:
        return str(response.read().decode())


def log_lines(file: Path | None) -> str:
    """Return the last lines of a log file. If `file` is None, read the bridge's systemd journal. Raise OSError."""
    if file is not None:
        with file.open(encoding="utf-8", errors="replace") as lines:
            return "".join(deque(lines, LOG_LINES))
    journal = shutil.which("journalctl")
    if journal is None:
        raise OSError("journalctl is not installed: name the log file with --log")
    command = [journal, "--unit", _UNIT, "--lines", str(LOG_LINES), "--no-pager", "--output", "cat"]
    done = subprocess.run(command, capture_output=True, timeout=_JOURNAL_SECS, check=False)  # noqa: S603 - a fixed command
    if done.returncode or not done.stdout.strip():
        raise OSError(f"the journal has no lines of the unit {_UNIT}: name the log file with --log")
    return done.stdout.decode(errors="replace")


def as_text(value: Any) -> str:
    """Return a value as indented JSON."""
    return json.dumps(value, indent=2, default=str)
