"""The conformance kit, and every driver held to it."""
