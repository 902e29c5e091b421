"""Users of another issuer: each gets a row here when the first good token says who it is.

The row is what notes and files belong to, and where an operator gives a role or disables somebody.
It holds no e-mail address and no password: who the user is, is the issuer's matter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.exc import IntegrityError

from app.accounts.models import User
from app.layers.logs import Event, log_event

if TYPE_CHECKING:
    from app.database import Database
    from app.layers.authentication.claims import Claims


async def make_known(database: Database, claims: Claims) -> None:
    """Make the row of a user whose token was found good. Whoever came first has made it already.

    Args:
        database: where the row goes.
        claims: of another issuer's token; `user_id` follows from its issuer and subject.
    """
    async with database.sessions() as session:
        session.add(User(id=claims.user_id))
        try:
            await session.commit()
        except IntegrityError:  # another worker did so in the same moment
            return
    log_event(Event.USER_CREATED, user=str(claims.user_id))
