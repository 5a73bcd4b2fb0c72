"""Description of the HTTP API in OpenAPI 3.1: one module of operations for each subject of `bridge/web/endpoints/`.

`GET /api/openapi.json` serves it. Tests compare it with the code in both directions: each route is described, and each
response that a test receives matches its schema.
"""
