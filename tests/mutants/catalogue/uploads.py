"""Layer 9, uploads. It is mounted as the dependency of the endpoint that receives a file."""

from __future__ import annotations

from tests.mutants.mutant import NOT_MOUNTED, Mutant

FOLDER = "app/layers/uploads"

MUTANTS = (
    Mutant(
        "uploads",
        NOT_MOUNTED,
        f"{FOLDER}/receive.py",
        "partial(clean, raw, self.settings)",
        'partial(CleanFile, raw.head.name, "png", raw.data)',
        first="tests/layers/test_uploads_receive.py",
    ),
    Mutant(
        "uploads",
        "the file itself is stored, with all that hides in it",
        f"{FOLDER}/content.py",
        "data = copy_pixels(raw.data, shape)",
        "data = raw.data",
        first="tests/layers/test_uploads_content.py",
    ),
    Mutant(
        "uploads",
        "name and content need not agree",
        f"{FOLDER}/content.py",
        "if detect(raw.data) != kind:",
        "if False:",
        first="tests/layers/test_uploads_content.py",
    ),
    Mutant(
        "uploads",
        "a pixel bomb is unpacked",
        f"{FOLDER}/content.py",
        "if shape.width * shape.height > settings.max_pixels:",
        "if False:",
        first="tests/layers/test_uploads_content.py",
    ),
    Mutant(
        "uploads",
        "a PNG goes on after its end",
        f"{FOLDER}/containers/png.py",
        'if name == b"IEND" and position != len(data):',
        "if False:",
        first="tests/layers/test_uploads_content.py",
    ),
    Mutant(
        "uploads",
        "a JPEG goes on after its end",
        f"{FOLDER}/containers/jpeg.py",
        "            if position != len(data):\n",
        "            if False:\n",
        first="tests/layers/test_uploads_containers.py",
    ),
    Mutant(
        "uploads",
        "a file may be of any size",
        f"{FOLDER}/multipart.py",
        "if len(self._data) + end - start > self._max_file_bytes:",
        "if False:",
        first="tests/layers/test_uploads_multipart.py",
    ),
    Mutant(
        "uploads",
        "a second part is read too",
        f"{FOLDER}/multipart.py",
        "if self._parts > 1:",
        "if False:",
        first="tests/layers/test_uploads_multipart.py",
    ),
    Mutant(
        "uploads",
        "a path in a name is kept",
        f"{FOLDER}/names.py",
        'name = name.replace("\\\\", "/").rpartition("/")[2]',
        'name = name.replace("\\\\", "/")',
        first="tests/layers/test_uploads_names.py",
    ),
    Mutant(
        "uploads",
        "the client's name is the object's",
        f"{FOLDER}/storage.py",
        'return f"{uuid.uuid4()}.{file.kind}"',
        "return file.name",
        first="tests/layers/test_uploads_storage.py",
    ),
    Mutant(
        "uploads",
        "a file is shown as a page",
        f"{FOLDER}/names.py",
        'f"attachment; filename=',
        'f"inline; filename=',
        first="tests/layers/test_uploads_names.py",
    ),
    Mutant(
        "uploads",
        "an object is left behind when the storage's answer is lost",
        f"{FOLDER}/storage.py",
        "            await self.discard(key)\n            raise\n",
        "            raise\n",
        first="tests/layers/test_uploads_storage.py",
    ),
    Mutant(
        "uploads",
        "other people's files are there",
        "app/files/service.py",
        "newest_first(database, select(File), File",
        "newest_first(database, select(File).execution_options(every_owner=True), File",
        first="tests/attacks/test_uploads.py",
    ),
    Mutant(
        "uploads",
        "an object that was replaced is served",
        f"{FOLDER}/storage.py",
        "if hashlib.sha256(data).digest() != sha256:",
        "if False:",
        first="tests/layers/test_uploads_storage.py",
    ),
)
