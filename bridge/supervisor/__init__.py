"""`run --workers N`: several bridges on one machine, started, watched and summed up by a supervisor.

    workers.py         which bridges there are: those at work, and those that only drain what an earlier run left
    supervisor.py      the service: its threads, and the order of stopping
    worker_process.py  one worker's process: started, started again when it ends, asked how it stands
    worker_main.py     what runs in that process: a bridge without a page, and its end of the channel
    channel.py         how supervisor and worker talk

Each worker is a bridge of its own, with its own client id (mqtt.client_id-2) and its own spool (spool.path/worker-2),
in one shared subscription group; no message ever passes between processes.
"""
