"""Programs around the bridge: doctor, demo, capture, scaffold, prove."""
