"""The page, the metrics and the health checks, served from within the bridge.

    observed.py   what it needs of the bridge
    server.py     the thread that listens; told.py: its server, which ends when it is told
    app.py        the routes
    security.py   who may do what: token, sessions, origins, headers
    api.py        what the page asks for, as JSON
    events.py     what it is told by itself: the state each second, and messages with their records
    history.py    the last hour, for the sparklines
    playground.py a mapping tried on a message, in a process of its own: trial.py
    health.py     /healthz and /readyz
    metrics.py    /metrics
    static/       the page: plain HTML, CSS and ES modules, with nothing from elsewhere

starlette and uvicorn are imported only when the thread starts.
"""
