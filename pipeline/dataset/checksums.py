"""The checksum that a manifest keeps of a file."""

import hashlib
from collections.abc import Iterable


def sha256(data: bytes | memoryview) -> str:
    """The checksum of a content."""
    return sha256_of([data])


def sha256_of(pieces: Iterable[bytes | memoryview]) -> str:
    """The checksum of a content that comes in pieces."""
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return f"sha256:{digest.hexdigest()}"
