"""Tools that are not part of the running bridge. For each folder: the commands that use it, and its content.

doctor/     `doctor`: checks of broker, AWS, network link and disk
capture/    `capture`, `diff`, `coverage`: files of recorded messages
proof/      `prove`: check that a stream contains every record that the bridge has delivered
scaffold/   `init`: the text of bridge.yaml
support/    `support-bundle`: archive for a support ticket
demo/       `demo`: factory, broker, Kinesis and bridge on this machine
"""
