"""JMESPath expressions: parsing, checks, and compilation to closures.

In this package, a closure is a Python function that evaluates an expression. Its argument is the value on which the
expression is evaluated.

    expression.py          the interface: a compiled expression, and its errors
    syntax/                text -> tokens -> tree
    static_checks.py       checks of a tree when the mapping is loaded
    analysis.py            facts about a tree, such as the names that it reads
    result_size.py         upper bound for the size of a result
    early_condition.py     the part of `where` that does not read the payload
    hoisting.py            evaluation of variables once before a loop, instead of once per element
    functions/             the functions, by family

The compiler and its closures:

    compiler.py            tree -> closures
    selection.py           fields, indices, slices
    projection.py          lists: `[*]`, `[?…]`, `[]`
    comparators.py         comparisons, `&&`, `||`, `!`
    function_calls.py      function calls, with checks of argument types
    formula.py             operators such as `+`: one generated Python function for a formula
    multi_select_hash.py   `{a: x}`: one generated Python function for an object
    evaluation.py          the state of one evaluation: variables, and limits on work

Texts for users:

    error_texts.py         texts of syntax errors
    advice.py              what to write instead of a syntax error
    quoted_names.py        names in double quotes that were probably meant as texts
"""
