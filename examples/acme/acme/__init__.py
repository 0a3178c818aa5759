"""Snapgate's driver for Acme Block Storage, a service that was invented for this example."""
