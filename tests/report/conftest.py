from collections.abc import Iterator
from pathlib import Path

import finished
import mixed
import pytest
from browser import Browser, chromium
from tools import need


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    need("chromium", "chromedriver")
    with chromium(tmp_path_factory.mktemp("profile")) as window:
        yield window


@pytest.fixture(scope="session")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The project's copy and the results of `mixed`."""
    project = finished.checkout(tmp_path_factory.mktemp("project"))
    return project, mixed.make(project)
