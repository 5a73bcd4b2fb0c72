"""`doctor`: asks the real world, and says what it found and what to do.

    findings.py   what a check found
    network.py    names, ports, TLS
    broker.py     the session: protocol, each subscription, what is retained
    aws.py        who the bridge is, each stream, the clock
    disk.py       how long an fsync takes, and for how many hours of outage there is room
    examine.py    all of them, beside one another: one that fails, or hangs, never stops the others

It uses a session of its own (`client_id` + `-doctor`), and writes nothing to any stream unless it is told to.
"""
