"""A cluster that does not exist, for demos and tests. It imports nothing of ztui."""
