"""Syntax of the expression language: the lexer and the parser.

lexer.py          text -> tokens
parser.py         tokens -> tree, by operator precedence
precedence.py     how strongly each operator binds its operands
operands.py       parses expressions that begin with a name, a literal, a sign or a parenthesis
operators.py      parses operators between two operands, `? :`, and function calls
brackets.py       parses dots and brackets
token_reader.py   base class of the parser, with the methods that the parsing functions call
tree.py           the nodes of the tree
"""
