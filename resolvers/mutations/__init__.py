"""The mutations: a file per verb, one flow. Each writes exactly one system, as a durable command."""
