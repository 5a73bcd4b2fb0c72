"""Topic patterns of mappings, and the subscriptions that receive all their topics."""
