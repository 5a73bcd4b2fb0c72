"""Support bundle: one archive with the information for a support ticket, without secrets."""
