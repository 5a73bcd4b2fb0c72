"""Description of the HTTP API in OpenAPI 3.1: one module of operations for each subject of `bridge/web/endpoints/`.

`GET /api/openapi.json` serves the description. Tests check that each route is described, and that each response
matches its schema.
"""
