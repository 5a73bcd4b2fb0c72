"""Endpoints of the page. Each class serves one subject and names its routes; it has no logic of its own."""
