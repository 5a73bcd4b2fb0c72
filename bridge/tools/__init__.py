"""Tools that run beside the bridge, each for one or several commands.

doctor/     `doctor`: checks of broker, AWS, network link and disk
capture/    `capture`, `diff`, `coverage`: files of recorded messages
proof/      `prove`: proof that a stream contains every record that manifests cover
scaffold/   `init`: the text of bridge.yaml
support/    `support-bundle`: archive for a support ticket
demo/       `demo`: factory, broker, Kinesis and bridge on this machine
"""
