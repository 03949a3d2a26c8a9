"""Real clients on a real hub, over real connections that break."""

import pytest

pytest.register_assert_rewrite("tests.e2e.scenario", "tests.e2e.inbox")
