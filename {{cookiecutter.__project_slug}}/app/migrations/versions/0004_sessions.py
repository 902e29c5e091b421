"""Scopes of sessions, and users of another issuer, who have no address or password here."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sessions", sa.Column("scope", sa.String(1000), nullable=True))
    with op.batch_alter_table("users") as users:
        users.alter_column("email", existing_type=sa.String(254), nullable=True)
        users.alter_column("password_hash", existing_type=sa.String(255), nullable=True)


def downgrade() -> None:
    # Fails, and changes nothing, while there are users of another issuer: nobody here may decide
    # that they and all that is theirs can go.
    with op.batch_alter_table("users") as users:
        users.alter_column("email", existing_type=sa.String(254), nullable=False)
        users.alter_column("password_hash", existing_type=sa.String(255), nullable=False)
    # A session that was for less would be for everything without the column, and stay so when it
    # comes back: it ends.
    op.execute(
        "UPDATE sessions SET revoked_at = CURRENT_TIMESTAMP"
        " WHERE scope IS NOT NULL AND revoked_at IS NULL"
    )
    op.drop_column("sessions", "scope")
