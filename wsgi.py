"""The application for any WSGI server: ``app``, with the settings of SNAPGATE_CONFIG."""

from gateway.app import create_app
from gateway.settings import load_settings

app = create_app(load_settings())
