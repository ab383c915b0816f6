"""Speed, each figure beside an opponent measured in the same run: `python -m tests.bench --help`."""
