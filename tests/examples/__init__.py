"""Drivers from outside, in an environment that knows nothing of this folder."""
