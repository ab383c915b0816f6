"""The whole road of a line, from another process over TLS to a screen that nobody reads for a while."""
