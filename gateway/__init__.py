"""Snapgate: one REST API for block-storage snapshots on any cloud."""
