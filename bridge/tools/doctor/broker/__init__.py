"""Broker checks."""
