"""Files of recorded messages: `capture` writes them, and `diff` and `coverage` read them."""
