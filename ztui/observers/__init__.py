"""Ways to obtain observations: equal citizens behind one protocol."""
