"""The drivers that come with Snapgate; others come from packages of their own."""
