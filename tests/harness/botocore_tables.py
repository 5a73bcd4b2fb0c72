"""Cache of botocore's data files for all tests of a process.

botocore reads megabytes of JSON and lists a folder for each AWS service, and each publisher has a separate session. A
test that sends one record would spend most of its time on that. botocore does not modify the data, so sessions can
share it.
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
        """Cache the result by the code of the handler. The handler as a key would keep its client in memory."""
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
