"""`run --workers N`: several bridges on one machine.

A supervisor starts and monitors them, and shows them as one bridge.

    workers.py              the list of workers: active workers, and draining workers for the spools of earlier runs
    supervisor.py           the service: its threads, and the order of a stop
    worker_process.py       start, restart and status requests of one worker's process
    worker_main.py          the program of a worker's process: a bridge without a status page
    worker_shards.py        the shards of each stream that each worker knows
    snapshot_from_spool.py  state of a worker from its spool, before its process has reported its state
    channel.py              the channel between supervisor and worker

Each worker is a bridge with its own client ID (for example mqtt.client_id-2) and its own spool (spool.path/worker-2).
All active workers are members of one MQTT shared subscription group, so the broker divides the messages between them.
No message passes between the processes. A draining worker sends the records that an earlier run has left in a spool,
gives up the broker session of that run, and ends.
"""
