"""JMESPath expressions: checks, compiler and functions."""
