"""Who asks: tokens of identity providers, API keys, widget tokens, and the sandbox's development identity."""
