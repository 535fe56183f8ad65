"""A `docker` for builds on a machine without Docker: an image is its context, with a virtual environment."""
