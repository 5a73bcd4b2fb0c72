"""`run --workers N`: several bridges on one machine, which a supervisor starts, monitors and presents as one.

    workers.py         the list of workers: active ones, and draining ones for the spools of earlier runs
    supervisor.py      the service: its threads, and the order of a stop
    worker_process.py  one worker's process: start, restart and status requests
    worker_main.py     the program of that process: a bridge without a page, and its end of the channel
    worker_shards.py   shards of the streams, as each worker knows them
    snapshot_from_spool.py  state of a worker from its spool, before its process has reported one
    channel.py         the protocol between supervisor and worker

Each worker is a bridge with its own client id (mqtt.client_id-2) and its own spool (spool.path/worker-2). All workers
are in one shared subscription group. No message ever passes between the processes.
"""
