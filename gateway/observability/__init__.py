"""What operators see: metrics, traces, the access log. Nothing personal, and no label that callers choose."""
