"""HTTP transport for botocore, with time-outs that depend on the progress of a request.

urllib3 applies the connect time-out to the sending of a body. urllib3 starts the time-out for the response while the
kernel's send buffer still contains parts of the request. So on a slow link, urllib3 ends requests whose bytes are still
being sent. This transport ends a request only if no byte has moved for some time. It starts the time-out for the
response when the request has left this machine.

    session.py             botocore's HTTP session, and `install`, which makes a client use it
    connection.py          urllib3's connections and pools, with a ProgressSocket
    progress_socket.py     ProgressSocket: a connected socket that ends a wait if no byte moves
    request.py             one request in flight: deadlines and times
    requests_in_flight.py  all requests in flight: can abort them, and counts the bytes that have left
    measurement.py         sizes and times of a request, for its sender
    tcp_state.py           queries to the kernel about a TCP socket
    timeouts.py            the time-outs

A request passes through the event handler of `install`, `ProgressSession.send`, a pool, a connection, and a socket.
"""
