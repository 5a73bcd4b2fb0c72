"""Access control of the page: tokens, roles, sessions, origins, and response headers."""
