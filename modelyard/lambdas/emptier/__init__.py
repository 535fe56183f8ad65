"""The function behind the Emptier construct; standard library and boto3 only."""
