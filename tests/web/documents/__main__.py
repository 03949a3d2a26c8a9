"""Writes the documents that are checked in: ``python -m tests.web.documents``, after what they say has changed."""

from __future__ import annotations

from tests.web.documents.files import DEPLOY, FILES

for name, text in FILES.items():
    (DEPLOY / name).write_text(text, encoding="utf-8")
    print(f"{DEPLOY / name}: written")
