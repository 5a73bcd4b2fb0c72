"""Queues of the destinations: records in memory and on disk, in order, until they are settled."""
