"""Mappings with state: `changes`, `sample` and Sparkplug B."""
