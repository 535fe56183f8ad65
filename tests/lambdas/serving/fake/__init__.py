"""An AWS in memory, for the functions of the hook: small, and held against the local AWS by a test."""
