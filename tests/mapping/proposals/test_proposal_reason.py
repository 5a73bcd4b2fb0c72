from bridge.mapping.proposals.proposal_reason import proposal_reason


def test_explanation_names_the_values_of_each_capture_and_the_key():
    topics = [("plant", line, f"press{number}", "t") for line in ("line1", "line2") for number in range(5)]
    assert proposal_reason("plant/{line}/{machine}/t", topics, "captures.machine") == (
        "line is line1, line2; machine is press0, press1, press2 and 2 more; partition key: captures.machine"
    )


def test_explanation_without_captures_and_key_names_the_spread():
    assert (
        proposal_reason("hall/temp", [("hall", "temp")], "")
        == "partition key: none, records are spread over all shards"
    )
