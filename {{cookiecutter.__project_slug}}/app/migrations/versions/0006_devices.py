"""When the devices of an account were forgotten."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.database import UtcDateTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("devices_forgotten_at", UtcDateTime(), nullable=True))


def downgrade() -> None:
    op.drop_column("users", "devices_forgotten_at")
