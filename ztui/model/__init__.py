"""The words of the domain and how to read them. Pure values: no clock, no I/O, no asyncio."""
