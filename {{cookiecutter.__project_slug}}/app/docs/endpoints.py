"""`/docs` and `/openapi.json`, when the `docs` setting turns them on.

The page asks for no login: in development there is nothing to hide. In production it tells
everybody who reaches the API every door there is, so it is there only if `DOCS=true` says so. What
stands behind the doors is guarded as ever.
"""

from __future__ import annotations

from fastapi import Depends, Request, Response

from app.docs.service import Asset, Docs, matches
from app.errors import NotFound
from app.layers import bots
from app.layers.authorization import Public
from app.layers.headers import Relaxation, relax
from app.layers.validation import Router

router = Router(include_in_schema=False)
PAGE = [Depends(relax(Relaxation.PAGE, Relaxation.REVALIDATED))]
FILE = [Depends(relax(Relaxation.CACHED))]
"""Each view would count as six requests otherwise, and a hundred in 15 minutes are the limit."""
DOCUMENT = [Depends(relax(Relaxation.REVALIDATED))]


def _docs(request: Request) -> Docs:
    docs: Docs = request.app.state.docs
    return docs


def _answer(request: Request, asset: Asset) -> Response:
    """Return the asset, or 304 to a browser that has it."""
    headers = {"ETag": asset.etag}
    if matches(asset.etag, request.headers.getlist("if-none-match")):
        return Response(status_code=304, headers=headers)
    return Response(asset.content, media_type=asset.media_type, headers=headers)


@router.api_route("/docs", methods=["GET", "HEAD"], dependencies=PAGE)
async def read_page(request: Request, access: Public) -> Response:
    """Return the page."""
    del access
    return _answer(request, _docs(request).page)


@router.api_route("/docs/{name}", methods=["GET", "HEAD"], dependencies=FILE)
async def read_asset(request: Request, name: str, access: Public) -> Response:
    """Return one of the files that the page is made of. Others are not looked for on the disk."""
    del access
    asset = _docs(request).assets.get(name)
    if asset is None:
        raise NotFound("There is nothing here.")
    return _answer(request, asset)


@router.api_route("/openapi.json", methods=["GET", "HEAD"], dependencies=DOCUMENT)
@bots.allow(bots.Category.HTTP_LIBRARY)
async def read_document(request: Request, access: Public) -> Response:
    """Return the API's description (OpenAPI 3.1)."""
    del access
    return _answer(request, _docs(request).document)
