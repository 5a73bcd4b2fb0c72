import pytest

from bridge.config import load_settings
from bridge.errors import ConfigError

MQTT = "mqtt: {url: mqtt://broker, client_id: press-shop}\n"
KINESIS = "kinesis: {region: us-east-1}\n"


def loaded(folder, text, environ=None):
    file = folder / "bridge.yaml"
    file.write_text(text)
    return load_settings(file, environ or {})


def problems(folder, text, environ=None):
    with pytest.raises(ConfigError) as caught:
        loaded(folder, text, environ)
    return [str(problem).replace(f"{folder}/bridge.yaml:", "") for problem in caught.value.problems]
