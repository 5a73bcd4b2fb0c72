"""A bridge from MQTT to Amazon Kinesis Data Streams that loses no message and can prove it.

The way of a message through the folders:

    mqtt/          1. reads PUBLISH packets from the broker
    ingest/        2. maps a burst of packets, commits it to the spool, and only then acknowledges it
    mapping/          topic -> mapping; decoded payload -> `where`, `transform`, partition key -> record
    payloads/         decoders of the payload formats
    spool/         3. stores records on disk (SQLite) until they are settled
    delivery/      4. takes records from the spool, sends them, and settles each record by its own result
    kinesis/          requests of the Kinesis API, and packing of several records into one
    aws/              credentials, clients, and the HTTP transport

Around it:

    runtime/       builds these parts from the settings, and owns the threads of the process
    supervisor/    `run --workers`: several such processes
    config/        settings: bridge.yaml; yaml_files/: YAML with positions and clear errors
    monitoring/    state, problems, health, metrics
    web/           status page and HTTP API
    cli/           command line
    tools/         doctor, capture, proof, demo, and others

Shared by several folders:

    errors.py      every error, and what the bridge does about it
    model.py       message, record, dead letter, destination
    backoff.py, files.py, histogram.py, timestamps.py, durations.py, varint.py, terminal.py, child_environment.py
"""

__version__ = "0.1.0"
