"""Tests of the approval hook."""
