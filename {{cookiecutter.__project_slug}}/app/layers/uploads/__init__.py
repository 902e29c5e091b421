"""Layer 9, uploads: what files from outside may be, and what becomes of them.

Stops: bodies read for strangers (access and rate limit are decided before the first byte), memory
and disk exhaustion (one bounded buffer an upload, a bounded number of them, nothing on the local
disk), scripts under an image's name (name, declared type and content must agree), polyglots (the
container must end where the file ends), pixel and decompression bombs (dimensions are read before
anything is unpacked), what hides in comments, EXIF and profiles, location included (only pixels
are copied, into a new file), path tricks in names (keys are random, names are for show), files
served as pages (fixed type, attachment).
Does not stop: pictures that deceive people; an unknown flaw in Pillow's decoders, which run in
this process with its rights; a user who fills the storage at the pace that the rate limit allows.
When its dependency is down: closed. Storage that does not answer is a 503 and nothing is recorded;
a database that fails after the object was written has it deleted again. An object is left behind
only if both fail at once, which the log tells.
Standard: OWASP ASVS 5.0 V5.2, V5.3, V5.4, V14.2.8; RFC 7578 (forms), RFC 6266 (attachment).
"""

from __future__ import annotations

from app.layers.uploads.content import CleanFile, clean, judge
from app.layers.uploads.names import clean_name, content_disposition
from app.layers.uploads.receive import (
    BINARY,
    FORM_OF_ONE_FILE,
    IncomingFile,
    IncomingUpload,
    Uploads,
    open_uploads,
)
from app.layers.uploads.refusals import (
    REFUSALS,
    FileTooLarge,
    MalformedForm,
    StorageDown,
    TooSlow,
    UnacceptableFile,
    UnsupportedFile,
    UploadRefused,
    UploadsBusy,
)
from app.layers.uploads.settings import UploadsSettings
from app.layers.uploads.storage import Storage

__all__ = [
    "BINARY",
    "FORM_OF_ONE_FILE",
    "REFUSALS",
    "CleanFile",
    "FileTooLarge",
    "IncomingFile",
    "IncomingUpload",
    "MalformedForm",
    "Storage",
    "StorageDown",
    "TooSlow",
    "UnacceptableFile",
    "UnsupportedFile",
    "UploadRefused",
    "Uploads",
    "UploadsBusy",
    "UploadsSettings",
    "clean",
    "clean_name",
    "content_disposition",
    "judge",
    "open_uploads",
]
