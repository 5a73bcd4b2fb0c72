"""Builder of a folder with a configuration file and mapping files, as a user would write them."""

import textwrap

BRIDGE = """\
mqtt: {url: "mqtt://127.0.0.1:%d", client_id: test}
kinesis: {region: us-east-1, authentication: {type: default}}
http: null
"""
PRESS = """
topic: factory/{site}/{machine}/telemetry
where: payload.status != 'OFF'
transform: "{ machine: captures.machine, t: payload.t }"
outputs: [{data_stream: telemetry, partition_key_from: captures.machine}]
tests:
  - name: a press
    topic: factory/pdx/press07/telemetry
    payload: {t: 1}
    expect: [{data_stream: telemetry, partition_key: press07, data: {machine: press07, t: 1}}]
"""


def set_up(folder, port=1883, more="", **mappings):
    """Write the files, and return the path of the configuration file.

    A keyword argument is a mapping: `press=TEXT` is written to mappings/press.yaml. None omits the mapping.
    """
    (folder / "mappings").mkdir()
    for name, text in ({"press": PRESS} | mappings).items():
        if text is not None:
            (folder / "mappings" / f"{name}.yaml").write_text(textwrap.dedent(text))
    config = folder / "bridge.yaml"
    config.write_text(BRIDGE % port + more)
    return config
