"""`doctor`: asks the real world, and says what it found and what to do.

    findings.py   what a check found: for people, and in numbers for programs
    network.py    names, ports, TLS
    turned_away.py  why a broker does not let this client in
    broker.py     the sessions with the broker, in their order, and what is found in each
    listening.py  one of these sessions: counts what comes, acknowledges when told
    limits.py     what the broker says of itself: CONNACK, $SYS
    window.py     the in-flight window, measured
    retained.py   what is retained, and whether the broker drops any of it
    heard.py      what the mappings would make of what is heard; traffic.py: how much there is to spool
    probing.py    with --publish: window and queue, measured with messages of its own
    aws.py        endpoints, who the bridge is, each stream, the clock
    disk.py       how long an fsync takes, and for how many hours of outage there is room
    examine.py    all of them, beside one another: one that fails, or hangs, never stops the others

It uses sessions of its own (`client_id` + `-doctor`), and writes nothing to any topic or stream unless it is told to.
"""
