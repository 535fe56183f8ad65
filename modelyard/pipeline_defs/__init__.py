"""Pipeline definitions: one folder an ML project, with `pipeline.py` and the scripts its steps run."""
