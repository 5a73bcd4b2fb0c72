"""The mapping language: topics, expressions, and what they make of a message. Pure: no threads, clock or network."""
