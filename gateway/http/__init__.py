"""The Deltacloud-style front end: blueprints, and what they share."""
