"""The Cinder driver: block storage of an OpenStack cloud."""
