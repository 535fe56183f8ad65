"""The approval hook: declared endpoints are made to serve the model version that was approved last."""
