"""Splits the abalone data."""
