import pathlib

from bridge.yaml_files import parse_document


def parsed(text, environ=None, *, substitute=True, base=pathlib.Path("/nowhere")):
    return parse_document(text, "file.yaml", substitute=substitute, environ=environ or {}, base=base)
