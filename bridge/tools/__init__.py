"""Tools beside the bridge: doctor, demo, capture, scaffold, prove."""
