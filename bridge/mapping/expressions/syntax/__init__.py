"""Syntax of the expression language: the lexer and the parser.

lexer.py        text -> tokens
parser.py       tokens -> tree, by precedence
precedence.py   how strongly each operator binds
operands.py     expressions that begin with a name, a literal, a sign or a bracket
operators.py    operators between two operands, `? :`, and calls
brackets.py     dots and brackets
reader.py       the part of the parser that these functions use
tree.py         the nodes
"""
