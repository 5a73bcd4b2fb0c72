"""Access to AWS: clients, credentials, error codes.

    client_factory.py    region, endpoints, proxy, TLS
    bounded_session.py   HTTP sessions with limits on a response, for STS, AWS IoT and metadata services
    error_codes.py       every error code of Kinesis: its class and its remedy
    network_errors.py    the same for botocore's exceptions: names, sockets, TLS, proxies, credentials
    iam_policy.py        the least-privilege policy document
    credentials/         the authentication types
    transport/           HTTP requests with time-outs that follow progress, and their measurement

`boto3` and `botocore` are imported here and in `bridge.kinesis` only.
"""
