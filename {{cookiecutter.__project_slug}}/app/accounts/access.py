"""Who may use an account: its owner, with a token that was issued for that."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from app.layers.authorization import Authenticated, Principal

MyAccount = Annotated[Principal, Depends(Authenticated(scope="account"))]
"""Access type: a user, for what belongs to the account itself."""
