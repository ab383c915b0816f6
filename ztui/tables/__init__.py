"""Every table without a terminal: one declaration each, for screen and output."""
