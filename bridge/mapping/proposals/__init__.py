"""Proposals of mappings for observed messages, for the command `init`. Each proposed mapping passes `check`.

proposals.py           messages -> proposed mappings, each compiled and tested
payload_detection.py   finds the payload format of a topic
majority_format.py     chooses one payload format for a group of similar topics
topic_clusters.py      groups topics, and finds a pattern with captures for each group
naming.py              names for captures and mappings
mapping_file.py        writes the text of a mapping file, with a test
yaml_text.py           writes values as YAML
proposal_reason.py     explains a proposed mapping to the user
"""
