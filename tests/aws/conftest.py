from tests.kinesis.conftest import impatient, publisher  # noqa: F401 - fixtures
