"""The database's history, as Alembic revisions. `python -m app.migrations` brings it up to date."""
