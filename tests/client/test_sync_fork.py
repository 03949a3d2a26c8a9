"""A process that was forked from one with a client: neither harms the other."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.client.sync_world import network, script

if TYPE_CHECKING:
    from sse_signals.testing import SignalsHub


def test_a_forked_process_has_connections_of_its_own(signals_hub: SignalsHub) -> None:
    """As with servers that load an application and then fork."""
    with network(signals_hub) as between:
        program = script(
            "client = SyncSignalsClient.for_plugin('a', url=url)",
            "client.publish('before')",
            "children = [os.fork() for _ in range(2)]",
            "for number in range(20): client.publish([children, number])",
            "if all(children): print([os.waitpid(child, 0)[1] for child in children])",
            "else: client.close(); os._exit(0)",
            "client.publish('after'); client.close()",
        )
        done = subprocess.run([*program, between.url], capture_output=True, text=True, timeout=60, check=False)
        assert (json.loads(done.stdout), done.stderr) == ([0, 0], "")
        assert between.proxy.connections in {4, 5}
    assert len(signals_hub.published) == 1 + 4 * 20 + 1 or len(signals_hub.published) == 1 + 3 * 20 + 1


@pytest.mark.parametrize(
    "child", ["client.close()", "stream.close()", "sys.exit(0)", "sys.exit(next(stream).message != 2)"]
)
def test_a_forked_process_leaves_its_parent_s_stream_alone(signals_hub: SignalsHub, child: str) -> None:
    """It may close it, leave it, or go on with it on a connection of its own; the parent's is not interrupted."""
    with network(signals_hub) as between:
        program = script(
            "with SyncSignalsClient.for_plugin('a', url=url) as client, client.subscribe() as stream:",
            "    client.publish(1)",
            "    assert next(stream).message == 1",
            "    child = os.fork()",
            "    if not child:",
            f"        {child}",
            "        sys.stdout.flush(); os._exit(0)",
            "    client.publish(2)",
            "    ended = os.waitpid(child, 0)[1]",
            "    client.publish(3)",
            "    print([ended, next(stream).message, next(stream).message])",
        )
        done = subprocess.run([*program, between.url], capture_output=True, text=True, timeout=60, check=False)
        assert (done.stdout, done.stderr) == ("[0, 2, 3]\n", "")
        assert between.proxy.connections == (3 if "next" in child else 2)
