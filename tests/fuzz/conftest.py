"""`make fuzz`: pytest tests/fuzz --hypothesis-profile=long. Without it, as in `make test`, a hundred examples each."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "long", max_examples=10_000, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
