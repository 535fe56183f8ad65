"""Which files of a source folder are sources."""

NOT_SOURCES = ["__pycache__", "*.pyc", ".*"]
"""What interpreters and editors leave behind, in the notation of .gitignore: one .pyc changes an asset's hash."""
