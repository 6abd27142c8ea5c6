"""Addresses as they may be shown: no user name, no password, no token."""

from __future__ import annotations

import re

_USER_INFO = re.compile(r"(?<=://)[^\s/'\"]*@")  # greedy: an unescaped @ inside a password goes too
_SECRET_FIELD = re.compile(
    r"(?i)\b(password|passwd|pwd|secret|token|sig|signature|access_?key|api_?key|x-amz-[a-z-]+)=[^&\s'\"]+"
)


def without_password(text: str) -> str:
    """`text` with what stands before the @ of every address left out, and secret query fields blanked.

    "https://ann:pw@host/x?token=abc" → "https://host/x?token=…"
    """
    return _SECRET_FIELD.sub(r"\1=…", _USER_INFO.sub("", text))
