"""Abalone: predicts an abalone's age, in rings, from its measurements."""
