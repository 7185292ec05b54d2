"""An ordinary test that reviews a model and goes on with what the review found."""

from poolwise.testing import assert_review


def test_the_prior_of_reading_speed_is_plausible(review):
    done = assert_review(review("specs/reading.py::reading", tier="prior"))
    simulated = done.data["prior_predictive"]["speed"]
    assert 50 < float(simulated.median()) < 150
