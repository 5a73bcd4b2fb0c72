"""A bridge from MQTT to Amazon Kinesis Data Streams that loses no message and can prove it.

A message passes through the folders in this order:

    mqtt/          1. reads PUBLISH packets from the broker
    ingest/        2. maps a burst of packets, commits it to the spool, and only then acknowledges it
    mapping/          finds the mappings of the topic, and creates records from the decoded payload
    payloads/         decoders of the payload formats
    spool/         3. stores records on disk (SQLite) until they are settled
    delivery/      4. takes records from the spool, sends them, and settles each record by its own result
    kinesis/          requests to the Kinesis API, and packing of several records into one
    aws/              credentials, clients, and the HTTP transport

The other folders:

    runtime/       builds the parts above from the settings, and starts and stops their threads
    supervisor/    runs several bridge processes, for `run --workers`
    config/        settings in bridge.yaml
    yaml_files/    reading of YAML files, and errors with line and column
    monitoring/    state, problems, health, metrics
    web/           status page and HTTP API
    cli/           command line
    tools/         doctor, capture, proof, demo, and others

Modules that several folders use:

    errors.py      every error, and how the bridge handles it
    model.py       message, record, dead letter, destination
    backoff.py, files.py, histogram.py, timestamps.py, durations.py, varint.py, terminal.py, child_environment.py
"""

__version__ = "0.1.0"
