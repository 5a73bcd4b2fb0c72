"""Stateful mappings: `changes`, `sample` and Sparkplug B.

stages.py           the stages of a mapping, and their order
change_filter.py    `changes`
sampler.py          `sample`; statistics.py: mean, minimum and maximum of a span
stored_values.py    checks that a value can be stored as JSON
overlay_state.py    state in memory, for tests and replayed messages
"""
