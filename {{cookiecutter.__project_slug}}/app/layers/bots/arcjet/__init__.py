"""The provider `arcjet`: asks Arcjet about every request, through its SDK (1.4).

Stops: what names itself as something that `BOTS__REFUSE` refuses; what Arcjet knows as an AI
crawler, an automated client or a search engine's impostor; and whoever asks faster than its token
bucket fills, counted by Arcjet for all workers.
Does not stop: what neither knows. Behaviour is not remembered here. HTTP libraries are judged as
everywhere else: by the token they bring.
When its dependency is down: a request waits `BOTS__ARCJET_TIMEOUT` at most, then
`BOTS__ARCJET_ON_ERROR` decides; for a second after a failure, nothing is asked at all.
Where Arcjet decides is the SDK's own to say (`ARCJET_BASE_URL`); leave it alone outside of tests.
Arcjet is told the address, method, path, host, user agent and a few headers of each request. It is
never told a query, a body, a cookie or a token.
"""

from __future__ import annotations

from app.layers.bots.arcjet.provider import ArcjetProvider, open_arcjet

__all__ = ["ArcjetProvider", "open_arcjet"]
