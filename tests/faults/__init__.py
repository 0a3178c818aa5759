"""What is left of a change after whatever can go wrong on its way, for every driver."""
