"""The process of the bridge: construction, threads, signals, logs, and the control channel.

assembly.py           builds the components of the bridge from its settings
service.py            one bridge: starts its threads, and stops them in order
thread_group.py       groups of named threads that are joined together; only this module creates threads
control_channel.py    channel for commands to the running bridge: request and response files
command_handlers.py   functions of the running bridge that execute the commands
offline_replay.py     execution of the commands for dead letters and states while no bridge is running
folder_owner.py       rights of the spool folder's owner for commands that root runs
dry_run.py            a bridge that prints its records and sends none (`run --dry-run`)
session_record.py     information about the broker's session that the spool stores
hang_watchdog.py      ends the process if a mapping never returns
process_memory.py     memory settings: malloc arenas and garbage collection
log_setup.py          logging as text or as JSON
signals.py            handling of SIGTERM, SIGINT and SIGHUP
systemd.py            notifications to systemd: ready, reloading, watchdog, status
exit_codes.py         exit codes of all commands
"""
