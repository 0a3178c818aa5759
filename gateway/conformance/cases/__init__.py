"""The cases of the suite, one module for each theme; suite.py puts them together."""
