"""What the builds of the delivery pipeline run besides programs of others."""
