from tests.web.conftest import bridge, site  # noqa: F401 - fixtures
