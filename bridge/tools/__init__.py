"""Tools beside the bridge.

doctor/     checks of broker, AWS, link and disk
capture/    recording of traffic, and comparison of mappings on it
proof/      proof that a stream contains every record that manifests cover
scaffold/   bridge.yaml for `init`
support/    support bundle
demo/       factory, broker, Kinesis and bridge on this machine
"""
