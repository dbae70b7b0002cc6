import pytest

from lhs_helpers.records.emr import EMR

from .small_emr import write_small_emr


@pytest.fixture
def small_emr(tmp_path):
    """Six people of one practice, opened."""
    return EMR(write_small_emr(tmp_path / "small"))
