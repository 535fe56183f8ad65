"""`make demo`: the whole loop on this machine, from a fresh checkout to a served model and back to nothing."""
