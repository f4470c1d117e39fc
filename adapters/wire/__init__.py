"""HTTP/1.1 to the systems, on a parser in C and a bare asyncio protocol.

Small on purpose: keep-alive connections, one request at a time on each, no redirects, no cookies, no
proxies. ``adapters/http.py`` is its only user. What it costs beside other clients, and why it is ours,
is in docs/performance.md and docs/decisions.md.
"""
