"""Tryton: the ERP, over its JSON-RPC or, with an application key, its REST API (series 8.2)."""
