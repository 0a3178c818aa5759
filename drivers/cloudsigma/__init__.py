"""The CloudSigma driver: drives, snapshots and remote snapshots through requests."""
