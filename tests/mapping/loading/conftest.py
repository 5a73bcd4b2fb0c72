import pytest

from tests.mapping.loading.live_folder import started


@pytest.fixture
def live(folder, tmp_path):
    """Return the running mappings of the module's own `folder`."""
    return started(folder, tmp_path)
