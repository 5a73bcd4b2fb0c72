"""The page and its API, served from within the bridge.

    server.py             the thread that listens
    stoppable_server.py   its server, which an event stops
    settings.py           host, port, token, certificate
    app.py                the routes
    security.py           who may do what: token, sessions, origins, headers
    api.py                the JSON endpoints
    presentation.py       messages, records and dead letters as JSON
    events.py             server-sent events: the state each second, and messages with their records
    history.py            the last hour, for the sparklines
    playground.py         a mapping tried on a message, in a process of its own: playground_worker.py
    static/               the page: plain HTML, CSS and ES modules, with nothing from elsewhere

starlette and uvicorn are imported only when the thread starts.
"""
