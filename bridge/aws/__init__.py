"""Access to AWS: clients, credentials, error codes.

    client_factory.py    region, endpoints, proxy, TLS
    bounded_session.py   HTTP sessions with limits on a response, for STS, AWS IoT and metadata services
    error_codes.py       the bridge's reaction to every error code of Kinesis, and the remedy
    network_errors.py    the bridge's reaction to botocore's exceptions: DNS, sockets, TLS, proxies, credentials
    iam_policy.py        the least-privilege policy document
    credentials/         the authentication types
    transport/           HTTP transport whose time-outs depend on the progress of a request

Only this package and `bridge.kinesis` import `botocore`.
"""
