"""The conformance kit for drivers: a pytest plugin, a suite, and the harness that it needs.

Nothing is imported here: pytest loads ``gateway.conformance.plugin`` in every run of every
project that has Snapgate installed, and must stay fast there.
"""
