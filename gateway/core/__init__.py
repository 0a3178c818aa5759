"""The portable layer: what is the same for every driver is decided here, once."""
