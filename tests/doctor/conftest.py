"""What tests of the doctor share."""

from __future__ import annotations

import pytest

from tests.doctor.fronts import Certificate, certificate


@pytest.fixture(scope="session")
def proof(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate that nobody trusts."""
    return certificate(tmp_path_factory.mktemp("certificate"))
