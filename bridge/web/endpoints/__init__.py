"""Endpoints of the page. Each class has the handlers of one subject and lists their routes.

The handlers only read requests and write responses. The logic is in other modules.
"""
