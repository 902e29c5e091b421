"""Comments on notes, of the sample domain."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.database import UtcDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "comments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("note_id", sa.Uuid(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_comments"),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["users.id"], name="fk_comments_owner_id_users", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["note_id"], ["notes.id"], name="fk_comments_note_id_notes", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_comments_note_created", "comments", ["note_id", "created_at", "id"])
    op.create_index("ix_comments_owner_id", "comments", ["owner_id"])


def downgrade() -> None:
    op.drop_table("comments")
