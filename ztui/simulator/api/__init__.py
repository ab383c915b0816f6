"""The Kubernetes API over TLS, as the simulated cluster serves it."""
