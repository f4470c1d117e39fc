"""The composition root: settings, application, command line, transports, systems, store, pages."""

__version__ = "0.1.0"
