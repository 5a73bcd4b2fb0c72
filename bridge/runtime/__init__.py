"""The process of the bridge: construction, threads, signals, logs, and the control channel.

assembly.py           settings -> components; no other module knows both
service.py            one bridge: starts its threads, and stops them in order
thread_group.py       threads with names that are joined under one deadline; the only place that creates threads
control_channel.py    request and response files of commands
command_handlers.py   what the running bridge does for each command
offline_replay.py     the same for dead letters and states while no bridge runs
folder_owner.py       rights of the folder's owner, for commands of root
dry_run.py            a bridge that prints its records (`run --dry-run`)
session_record.py     record of the broker's session in the spool
hang_watchdog.py      ends the process if a mapping never returns
process_memory.py     malloc arenas and garbage collection
log_setup.py          text and JSON logs
signals.py            SIGTERM, SIGINT and SIGHUP as values
systemd.py            notifications to systemd: ready, reloading, watchdog, status
exit_codes.py         exit codes of all commands
"""
