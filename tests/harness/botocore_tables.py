"""Cache of botocore's tables for all tests of a process.

They are megabytes of JSON and a folder for each service of AWS, and each publisher has a session of its own: most of
the time of a test that puts one record would be theirs. Nobody writes to what was read.
"""

import contextlib
from unittest import mock

from botocore import hooks, loaders


@contextlib.contextmanager
def read_once():
    read, listed = loaders.JSONFileLoader.load_file, loaders.Loader.list_available_services
    inspected = hooks.accepts_kwargs
    files, services, accept = {}, {}, {}

    def load_file(self, path):
        if path not in files:
            files[path] = read(self, path)
        return files[path]

    def list_available_services(self, type_name):
        key = (type_name, *self.search_paths)
        if key not in services:
            services[key] = listed(self, type_name)
        return services[key]

    def accepts_kwargs(handler):
        """Cache the result by the handler's code: the handler itself would keep its client alive."""
        code = getattr(handler, "__code__", None)
        if code is None:
            return inspected(handler)
        if code not in accept:
            accept[code] = inspected(handler)
        return accept[code]

    with (
        mock.patch.object(loaders.JSONFileLoader, "load_file", load_file),
        mock.patch.object(loaders.Loader, "list_available_services", list_available_services),
        mock.patch.object(hooks, "accepts_kwargs", accepts_kwargs),
    ):
        yield
