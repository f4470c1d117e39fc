"""The connected systems: batching to the vendors' caps, deadlines, retries, circuit breakers, budgets."""
