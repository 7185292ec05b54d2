"""Evidence shared by the tests of checks."""

import pytest
import xarray as xr

from poolwise.checks import Evidence


@pytest.fixture
def nothing() -> Evidence:
    """A run that holds nothing at all."""
    return Evidence(xr.DataTree())
