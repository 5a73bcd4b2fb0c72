"""Command `run`: runs the bridge until a signal stops it."""

from __future__ import annotations

import logging
import os
import signal
import sys
from typing import TYPE_CHECKING

from bridge import __version__
from bridge.config import load_settings
from bridge.config.effective_options import effective_options
from bridge.ingest import dead_letter_log
from bridge.runtime.assembly import assemble
from bridge.runtime.dry_run import DryRun
from bridge.runtime.exit_codes import CRASHED, FAILED
from bridge.runtime.log_setup import set_up_logging
from bridge.runtime.process_memory import MallocTuning, freeze_gc
from bridge.runtime.signals import Signals
from bridge.runtime.systemd import SystemdNotifier
from bridge.spool.lock import refuse_if_in_use, refuse_without_permission
from bridge.supervisor.workers import SUPERVISOR_FOLDER, worker_slots

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bridge.config import Settings
    from bridge.runtime.service import Service
    from bridge.supervisor.supervisor import Supervisor

log = logging.getLogger(__name__)

WATCH_SECS = 1.0
"""Maximum time to wait for a signal. Then the main thread notifies systemd and checks for a crash."""
RELOADING_SECS = 0.1
"""Maximum time to wait for a signal during a reload. It is short, because `systemctl reload` waits for the result."""


def run_bridge(config: Path, *, dry_run: bool, workers: int = 0, log_level: str | None = None) -> int:
    """Run the bridge and return the exit code. If `log_level` is None, use the level of the configuration.

    Raise ConfigError, and BridgeError if the bridge cannot start.
    """
    # MallocTuning must exist before the first thread starts.
    arena = MallocTuning()
    settings = load_settings(config, os.environ)
    if log_level is not None:
        settings = settings.model_copy(update={"log": settings.log.model_copy(update={"level": log_level})})
    set_up_logging(settings.log.format, settings.log.level)
    with Signals() as signals:
        if not dry_run:
            service = _assemble(config, settings, workers, signals)
            service.configuration = effective_options(config, os.environ)
            _log_start(config, service)
            return _run(service, signals, arena, settings.stop_secs)
        dry = DryRun(settings, sys.stdout)
        # Turn off the log of dead letters. Its advice, `dead-letters list`, reads only the spool of the bridge. A dry
        # run prints its dead letters itself.
        dead_letter_log.log.disabled = True
        try:
            code = _run(dry.service, signals, arena, settings.stop_secs, dry.print_dead_letters)
            # Print the dead letters of the last second before the stop, too.
            dry.print_dead_letters()
            return code
        finally:
            dry.remove()


def _assemble(config: Path, settings: Settings, workers: int, signals: Signals) -> Service | Supervisor:
    """Return a bridge of one process, or a supervisor of several processes.

    1. With --workers, return a supervisor.
    2. If an earlier run had workers, their spools must be drained. Return a supervisor in this case too.
    3. Otherwise, return a bridge of one process.
    """
    path = settings.spool.path
    refuse_without_permission(path)
    if not workers and len(worker_slots(settings, 0)) == 1:
        # A supervisor may be running. It locks its own folder and the folders of its workers, but not `path` itself.
        refuse_if_in_use(path / SUPERVISOR_FOLDER)
        service = assemble(settings)
        service.ends_on_hang = True
        return service
    from bridge.supervisor.supervisor import Supervisor  # noqa: PLC0415 - a single process needs none of it

    supervisor = Supervisor(config, settings, workers)
    # A second signal ends this process at once. The workers must end too.
    signals.at_once = supervisor.kill
    return supervisor


def _log_start(config: Path, service: Service | Supervisor) -> None:
    mappings = service.mappings.routes.mappings
    streams = {output.data_stream for mapping in mappings for output in mapping.outputs}
    about = {"version": __version__, "config": str(config.absolute()), "mappings": len(mappings)}
    log.info("starting", extra={**about, "streams": len(streams), "backlog_records": service.totals()["spooled"]})


def _run(
    service: Service | Supervisor,
    signals: Signals,
    arena: MallocTuning,
    stop_secs: float,
    each_second: Callable[[], None] = lambda: None,
) -> int:
    notifier = SystemdNotifier(os.environ)
    service.start()
    notifier.ready()
    # The garbage collector can skip the objects that exist now, because they exist until the process ends.
    freeze_gc()
    while not service.crashed.is_set():
        notifier.feed(service)
        arena.trim_when_due()
        each_second()
        received = signals.wait(RELOADING_SECS if notifier.reloading else WATCH_SECS)
        if received == signal.SIGHUP:
            notifier.reload(service.request_reload)
        elif received:
            break
    notifier.stopping()
    finished = service.stop(stop_secs)
    log.info("stopped", extra=service.totals())
    if service.crashed.is_set():
        return CRASHED
    return 0 if finished else FAILED
