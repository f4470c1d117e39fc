"""Where alembic begins: it runs in the transaction that ``gateway.store.database`` has opened."""

from __future__ import annotations

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    transactional_ddl=True,
    version_table=context.config.attributes["version_table"],
)
context.run_migrations()
