"""One embedded S3 for all tests of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import botocore.auth
import pytest

from tests.dev.s3.sending import Sender
from tests.embedded_s3 import make_client, running_s3

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_s3 import S3Client


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    with running_s3() as url:
        yield url


@pytest.fixture(scope="session")
def client(endpoint: str) -> S3Client:
    return make_client(endpoint)


@pytest.fixture
def sender(endpoint: str) -> Sender:
    return Sender(endpoint)


@pytest.fixture
def shift_clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Return a function that makes botocore sign at another time than now."""

    def shift(by: timedelta) -> None:
        moment = datetime.now(UTC).replace(tzinfo=None) + by
        monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: moment)

    return shift
