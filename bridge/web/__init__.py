"""Status page and its API, served by the bridge process.

    server.py             the thread that listens
    stoppable_server.py   its uvicorn server, which an event stops
    settings.py           host, port, token, certificate
    app.py                the routes
    security.py           access control: token, sessions, origins, headers
    api.py                the JSON endpoints
    presentation.py       messages, records and dead letters as JSON
    events.py             server-sent events: the state each second, and messages with their records
    history.py            rates of the last hour, for the sparklines
    playground.py         trial of a mapping on a message, in a process of its own: playground_worker.py
    static/               the page: plain HTML, CSS and ES modules, with no third-party files

starlette and uvicorn are imported only when the thread starts.
"""
