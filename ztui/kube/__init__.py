"""Kubernetes, and nothing else: configuration, credentials, requests, watches, logs, port-forwards."""
