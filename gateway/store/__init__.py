"""What the gateway keeps: SQLite on one machine, through SQLAlchemy Core."""
