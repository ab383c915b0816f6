"""One small module a pane."""
