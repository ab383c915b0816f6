"""Commands: the only place that picks an observer and a front end."""
