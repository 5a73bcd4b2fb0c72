"""HTTP transport under botocore, with time-outs that follow progress.

urllib3 bounds the sending of a body by the connect time-out, and counts the draining of the kernel's send buffer as
waiting for the response. On a thin link both end requests whose bytes still move. Here a request ends when no byte
has moved for a while, and the time for the response starts when the request has left this machine.

    session.py           botocore's HTTP session, and `install`, which puts it under a client
    connection.py        urllib3's connections and pools with the sockets below
    progress_socket.py   a connected socket that notes what leaves, and whose waits end when nothing does
    request.py           one request in flight: deadlines and times
    in_flight.py         all requests in flight: abort, bytes drained
    measurement.py       what the sender of a request learns about it
    tcp_state.py         questions to the kernel about a TCP socket

A request passes them in this order: `install`'s event handler, `ProgressSession.send`, a pool, a connection, a socket.
"""
