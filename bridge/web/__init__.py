"""Status page and its API, served by the bridge process.

    server.py             the thread that listens
    stoppable_server.py   uvicorn's server, which an event can stop
    page_protocol.py      uvicorn's HTTP/1.1 for one connection
    connections.py        limits on the number and duration of connections
    settings.py           host, port, tokens, certificate
    app.py                the application: its routes, and the responses to errors
    access/               tokens, roles, sessions, origins, response headers
    endpoints/            handlers of the requests, one class for each subject
    requests.py           body and query of a request
    thread_slots.py       limit on the number of requests that run in threads
    limited_log_lines.py  limit on the number of log lines
    openapi/              OpenAPI description of all requests and responses
    presentation.py       messages, records and dead letters as JSON
    events.py             server-sent events: the state each second, and messages with their records
    topic_sample.py       sample of the messages while the page is open
    editing/              mapping files: changes, versions, completions
    playground.py         starts and ends the worker process, which evaluates texts from users
    job_requests.py       checks of the requests to the worker process
    playground_worker.py  the worker process; it runs the jobs in jobs/
    doctor_run.py         one run of `doctor`
    static/               the page: HTML, CSS and ES modules; bundle/ builds the libraries in static/vendor/

starlette and uvicorn are imported only when the thread starts, because their import takes a tenth of a second.
"""
