"""HTTP transport under botocore, with time-outs that follow progress.

urllib3 applies the connect time-out to the sending of a body. It starts the time-out of the response while the kernel's
send buffer still contains parts of the request. So on a slow link it ends requests whose bytes still move. This
transport ends a request only if no byte has moved for a while. Its time-out of the response starts when the request has
left this machine.

    session.py           botocore's HTTP session, and `install`, which puts it under a client
    connection.py        urllib3's connections and pools with the sockets below
    progress_socket.py   a connected socket that records which bytes leave, and whose waits end if none do
    request.py           one request in flight: deadlines and times
    in_flight.py         all requests in flight: abort, bytes drained
    measurement.py       sizes and times of a request, for its sender
    tcp_state.py         queries to the kernel about a TCP socket
    timeouts.py          the time-outs

A request passes them in this order: `install`'s event handler, `ProgressSession.send`, a pool, a connection, a socket.
"""
