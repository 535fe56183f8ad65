"""The library's constructs, one a module, named after what it provisions."""
