"""Syntax of the expression language: text to tokens, tokens to a tree."""
