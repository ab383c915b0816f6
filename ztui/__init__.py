"""ztui watches every ztunnel of an Istio ambient mesh from one terminal pane."""

__version__ = "0.1.0"
