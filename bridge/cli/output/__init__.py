"""Output of the commands.

formatting.py        durations, sizes and counts as text
json_document.py     the JSON object that `--json` prints
problem_lines.py     state and problems of a bridge, as `status` prints them
problem_formats.py   result of `check` for CI systems: JSON, GitHub annotations, SARIF, JUnit
progress_bar.py      progress bar for a command that takes long
screen.py            full-screen output of `status --watch`
file_watch.py        repeat a command whenever a file changes, for `--watch`
"""
