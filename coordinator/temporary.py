"""Where temporary files go."""

from __future__ import annotations

import tempfile
from pathlib import Path

from coordinator.errors import SettingsError


def temporary_directory() -> Path:
    """The directory for temporary files. Raises SettingsError when there is none that can be written."""
    try:
        return Path(tempfile.gettempdir())
    except FileNotFoundError as error:
        raise SettingsError(
            "No directory for temporary files can be written.",
            help="Make one writable (a tmpfs, an emptyDir volume) and name it in TMPDIR.",
        ) from error
