"""Stateful mappings: `changes`, `sample` and Sparkplug B."""
