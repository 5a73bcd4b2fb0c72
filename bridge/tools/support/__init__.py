"""Support bundle: what a ticket needs, as one archive without secrets."""
