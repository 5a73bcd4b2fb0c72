"""Proposals of mappings for observed messages. Each proposed mapping has passed `check`.

proposals.py           messages -> proposed mappings, each compiled and tested
payload_detection.py   the payload format of a topic
majority.py            one format for a group of similar topics
topic_clusters.py      topics -> patterns with captures
naming.py              names of captures and mappings
mapping_file.py        text of a mapping file with its test; yaml_text.py: values as YAML
explanation.py         why a mapping was proposed like this
"""
