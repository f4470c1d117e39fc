"""Business events: from what the systems tell to a log that can be read again, and to whoever watches."""
