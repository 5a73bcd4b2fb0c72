"""Endpoints of the page. Each class serves one subject and lists its routes. The logic is in other modules."""
