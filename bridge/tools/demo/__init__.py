"""Demo: a factory, a broker, a Kinesis and the bridge on this machine, with no account and no set-up."""
