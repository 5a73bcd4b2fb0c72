"""A simple interpreter of the language, based on that of the package. The compiled closures must agree with it."""

import math

from jmespath import functions
from jmespath.visitor import TreeInterpreter

from bridge.mapping.expressions.syntax.parser import Parser

RESULTS = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a // b if isinstance(a, int) and isinstance(b, int) and a % b == 0 else a / b,
    "modulo": lambda a, b: a % b,
    "floor_divide": lambda a, b: a // b,
}


def interpret(text, scope):
    """The result. It raises whatever is wrong."""
    return Interpreter(scope).visit(Parser(text).parse(), scope)


class Functions(functions.Functions):
    @functions.signature({"types": ["object"]})
    def _func_items(self, members):
        return [[name, value] for name, value in members.items()]

    @functions.signature({"types": ["array"]})
    def _func_from_items(self, pairs):
        if any(len(pair) != 2 or not isinstance(pair[0], str) or not isinstance(pair, list) for pair in pairs):
            raise ValueError("no pairs")
        return dict(pairs)

    @functions.signature({"types": ["array"], "variadic": True})
    def _func_zip(self, *arrays):
        if not all(isinstance(array, list) for array in arrays):
            raise TypeError("no array")
        return [list(row) for row in zip(*arrays, strict=False)]

    @functions.signature({"types": ["array"]}, {"types": ["expref"]})
    def _func_group_by(self, array, by):
        groups = {}
        for element in array:
            key = by.visit(by.expression, element)
            if not isinstance(key, str | None):
                raise TypeError("no text")
            if key is not None:
                groups.setdefault(key, []).append(element)
        return groups

    @functions.signature({"types": ["number"]})
    def _func_range(self, stop):
        return list(range(stop))


class Interpreter(TreeInterpreter):
    def __init__(self, scope):
        super().__init__()
        self._functions = Functions()
        self._scope = scope
        self._values = {}

    def visit_variable(self, node, _value):
        return self._scope[node["value"]] if node["binding"] is None else self._values[node["binding"]]

    def visit_let_expression(self, node, value):
        *values, body = node["children"]
        self._values.update(
            {binding: self.visit(each, value) for binding, each in zip(node["bindings"], values, strict=True)}
        )
        return self.visit(body, value)

    def visit_arithmetic(self, node, value):
        return checked(RESULTS[node["value"]](*(self._number(child, value) for child in node["children"])))

    def visit_unary(self, node, value):
        number = self._number(node["children"][0], value)
        return number if node["value"] == "plus" else checked(-number)

    def visit_function_expression(self, node, value):
        if node["value"] == "if":
            condition, then, otherwise = node["children"]
            return self.visit(then if self._is_true(self.visit(condition, value)) else otherwise, value)
        if "index" in node:
            return self._indexed(node, value)
        return super().visit_function_expression(node, value)

    def _indexed(self, node, value):
        by, array = self.visit(node["children"][0], value), self.visit(node["children"][1], value)
        if not isinstance(array, list):
            raise TypeError("no array")
        results = []
        for index, element in enumerate(array):
            self._values[node["index"]] = index
            results.append(by.visit(by.expression, element))
        return results

    def _number(self, node, value):
        number = self.visit(node, value)
        if type(number) not in {int, float}:
            raise TypeError("no number")
        return number


def checked(result):
    fits = -(2**63) <= result < 2**64 if isinstance(result, int) else math.isfinite(result)
    if not fits:
        raise OverflowError
    return result
