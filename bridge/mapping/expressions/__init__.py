"""JMESPath expressions: parsing, checks, and compilation to closures.

    expression.py        the interface: a compiled expression, and its errors
    syntax/              text -> tokens -> tree
    static_checks.py     errors that would otherwise fail every message
    analysis.py          facts that follow from the tree; growth.py: bound for the size of a result
    early.py             the part of `where` that does not read the payload
    hoisting.py          variables that a loop evaluates once
    functions/           the functions, by family

The compiler and its closures:

    compiler.py          tree -> closures
    selection.py         fields, indices, slices
    projection.py        lists: `[*]`, `[?…]`, `[]`
    comparators.py       comparisons, `&&`, `||`, `!`
    function_calls.py    calls, with checks of argument types
    formula.py           operators: one generated function for a formula
    multi_select_hash.py `{a: x}`: one generated function for an object
    evaluation.py        the state of one evaluation: variables, and limits on work

Texts for people:

    hints.py             texts of syntax errors; advice.py: what to write instead
    quoted_names.py      names in double quotes that were probably meant as texts
"""
