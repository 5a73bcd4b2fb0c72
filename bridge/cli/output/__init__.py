"""Terminal output of the commands.

formatting.py        durations, sizes and counts as text
json_document.py     `--json` documents
problem_lines.py     verdict and problems of `status`
problem_formats.py   result of `check` for CI systems: JSON, GitHub annotations, SARIF, JUnit
progress_bar.py      progress of long work
screen.py            full-screen output of `status --watch`
file_watch.py        repetition of a command whenever a file changes
"""
