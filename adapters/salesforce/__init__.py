"""Salesforce as the CRM: accounts are customers, contracts are the terms behind subscriptions."""

import os

# The core of grpc writes lines of its own to standard error, where each line is an object of our log.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
