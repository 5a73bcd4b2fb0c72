"""Jobs of the worker process. They evaluate texts from users, which may need unlimited time and memory.

checking.py          `check`: problems and test results of a text
trial.py             `try`: result of a mapping for one message, step by step
preview.py           `preview`: results of the current file and of an edited text, for the same messages
proposal.py          `propose`: a mapping for an unmatched topic
text_difference.py   `diff`: differences between two texts
resource_cache.py    cache of tables and schemas
memory_limit.py      limit on the memory of one job
"""
