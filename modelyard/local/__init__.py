"""The local AWS: an emulator with SageMaker added, for one machine, without an account and without Docker."""
