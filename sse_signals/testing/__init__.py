"""A hub for your tests: real HTTP on a free port of this machine, in a thread of its own, and it can misbehave.

In the ``conftest.py`` of your project's root, the only one from which pytest takes plugins::

    pytest_plugins = ["sse_signals.testing"]

Then a test of code that publishes::

    def test_a_paid_order_is_told(client, settings, signals_hub):     # Django, Flask, a script: any synchronous test
        settings.SIGNALS_URL = signals_hub.url
        client.post("/orders/1/pay")
        signals_hub.expect("orders/1", message={"status": "paid"}, targets=["group:default/sales"], within=2.0)
        signals_hub.expect_nothing("orders/*", for_=0)                # neither there, nor to everybody

and one of code that listens, in an asynchronous test (whichever plugin runs it)::

    async def test_the_cache_is_refreshed_after_a_lost_connection(signals_hub):
        async with Cache(signals_hub.url) as cache:
            await signals_hub.wait_for_streams_async(1)               # it listens: now publish
            with signals_hub.cut():                                   # and here its network is away
                signals_hub.publish({"name": "b"}, topic="catalog:my-topic")
            await signals_hub.expect_async("cache:refreshed", where=lambda event: event.message["name"] == "b")

A test that waits for what never comes fails after ``within`` seconds and says what was published instead, the nearest
topic first. Nothing hangs: every call has a deadline, and the hub ends within a second, whatever is still open.

A test that is written wrongly does not pass for it. Messages are compared as JSON, where ``True`` is not ``1``; a
condition (``where=``) says True or False, and nothing else; what is not awaited fails when the hub ends; a fault acts
from its call on, ``with`` or without. Who gets a signal is compared if you say so: ``targets=[…]``, or ``targets=None``
for everyone.

===========================  =====================================================================================
``hub.url``                  where it is, with the prefix of its routes
``hub.publish(…)``           publish as somebody else
``hub.published``            all that was published, by anybody; ``hub.published_to("orders/*")``
``hub.expect(topic, …)``     the next signal of the code under test; each answers one ``expect``
``hub.expect_nothing(…)``    there is none
``hub.streams``              how many are open; ``hub.wait_for_streams(1)``
``hub.cut()``                end every stream without a word; ``refuse=2.0``, or ``with hub.cut():``, new ones too.
                             Wait for the streams first: a client that was never connected does not know ``retry`` yet
``with hub.stall():``        streams stay open, nothing comes, not even heartbeats
``hub.gap()``                lose the log: whoever listens or resumes is told of a ``signals.gap``
``with hub.unavailable():``  publishing answers 503 with ``Retry-After``, and the hub is not ready
``hub.token(…)``             a token, on a hub with authentication: ``@pytest.mark.signals_hub(authentication=True)``
``hub.forget()``             begin anew, for a hub that serves several tests: no faults, nothing published, no keys
===========================  =====================================================================================

In asynchronous tests, await those that wait: ``expect_async``, ``expect_nothing_async``, ``wait_for_streams_async``.

The marker takes what `hub` takes, by name. Markers of a module, a class and a test add up, and the nearest wins.
Without pytest, or for a hub of a whole session, use `hub` as a context, and `SignalsHub.forget` before each test::

    @pytest.fixture(scope="session")
    def running_hub():
        with hub(heartbeat=1.0, history=HistoryLimits(count=100)) as running:
            yield running

    @pytest.fixture
    def shared_hub(running_hub):
        running_hub.forget()
        return running_hub

There is no entry point for pytest: your other projects' tests do not load this. It does nothing with a test's own
assertions, so PYTEST_DONT_REWRITE.
"""

from importlib.util import find_spec

from sse_signals.testing.kit import SignalsHub, hub
from sse_signals.testing.ledger import Published

__all__ = ["Published", "SignalsHub", "hub"]

if find_spec("pytest"):
    from sse_signals.testing.fixture import pytest_configure, signals_hub

    __all__ += ["pytest_configure", "signals_hub"]
