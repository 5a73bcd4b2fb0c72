"""Edits of mapping files on the page. Each edit is checked, written atomically and logged, and can be undone.

mapping_editor.py   the operations: save, rename, enable, disable, delete
mapping_folder.py   access to the files
file_names.py       names of the files
version_store.py    the history
version_entry.py    one version of the history, as a file
completions.py      completions for the editor
"""
