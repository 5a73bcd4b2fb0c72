"""Syntax of the expression language: the lexer and the parser."""
