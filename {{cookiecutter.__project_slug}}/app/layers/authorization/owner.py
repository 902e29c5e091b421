"""The access type of one owned thing: the endpoint is handed the thing itself, or never runs.

    MyNote = Annotated[Note, Depends(Owner(Note, "note_id", scope="notes:read"))]

    @router.get("/{note_id}")
    async def get_note(note: MyNote) -> NoteOut: ...

Who asks is known before the id is looked at; somebody else's thing is not there (404), after the
same query as for an id that nobody has.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

from fastapi import Depends, Path
from sqlalchemy import select

from app.database import DatabaseSession
from app.errors import NotFound
from app.layers.authentication import Principal
from app.layers.authorization.access import Authenticated
from app.layers.authorization.ownership import Owned
from app.layers.validation import Identifier

if TYPE_CHECKING:
    import uuid

    from sqlalchemy.ext.asyncio import AsyncSession

T = TypeVar("T")


class Owner(Generic[T]):
    """The policy of an endpoint that works on one thing of the principal's.

    Args:
        model: the class of the thing; an `Owned` one with an `id`.
        parameter: the name of the part of the path that is its id.
        role: see `Authenticated`.
        scope: see `Authenticated`.

    Raises:
        TypeError: the rows of this class belong to nobody.
    """

    def __init__(
        self, model: type[T], parameter: str, *, role: str | None = None, scope: str | None = None
    ) -> None:
        if not issubclass(model, Owned):  # nothing would limit the query
            raise TypeError(f"{model.__name__} is not Owned: anybody would be handed its rows")
        self._model: Any = model
        self._parameter = parameter
        principal = Annotated[Principal, Depends(Authenticated(role, scope))]
        # FastAPI calls with what this says, in this order: nothing is read for a stranger.
        self.__signature__ = inspect.Signature(
            [
                inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation)
                for name, annotation in (
                    ("access", principal),
                    ("database", DatabaseSession),
                    (parameter, Annotated[Identifier, Path()]),
                )
            ]
        )

    async def __call__(self, *, access: Principal, database: AsyncSession, **path: uuid.UUID) -> T:
        """Return the thing.

        Raises:
            NotFound: there is none, or it is somebody else's, which is the same to this client.
        """
        del access  # the session knows
        query = select(self._model).where(self._model.id == path[self._parameter])
        found: T | None = await database.scalar(query)
        if found is None:
            raise NotFound("There is nothing here.")
        return found
