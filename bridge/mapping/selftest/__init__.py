"""The tests that a mapping file contains (the option `tests`), and their results.

runner.py         runs the tests of a mapping
expectations.py   compares the expected records with the records of the mapping
value_diff.py     differences between two values, as a table of text
"""
