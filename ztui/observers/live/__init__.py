"""The live observer: a cluster, through the Kubernetes API."""
