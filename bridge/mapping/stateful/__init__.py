"""Mappings with state (`changes`, `sample`, Sparkplug B): the result for a message depends on earlier messages.

stages.py           the stages of a mapping with state, and their order
change_filter.py    `changes`: send only messages whose values changed
sampler.py          `sample`: send one message per span of time
statistics.py       mean, minimum and maximum of a span, for `sample`
stored_values.py    checks that a value can be stored as JSON
overlay_state.py    state in memory, for tests and replayed messages
"""
