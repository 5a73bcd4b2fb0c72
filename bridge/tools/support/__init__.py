"""Support bundle: the information for a support ticket, as one archive without secrets."""
