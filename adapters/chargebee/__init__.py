"""Chargebee, API v2 with Product Catalog 2: customers and what they subscribe to."""
