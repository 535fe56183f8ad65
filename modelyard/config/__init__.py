"""Reading and changing `platform.yaml` key by key: what `modelyard config` does, as functions.

A key is the path of a value, with dots: `projects.abalone.endpoint.instance_type`.
"""
