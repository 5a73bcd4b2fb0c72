"""Access control of the page.

guard.py          checks before each handler
security.py       tokens in requests, Host and Origin, response headers
sessions.py       roles, and sessions of clients that have logged in
wrong_tokens.py   delay of responses to wrong tokens
"""
