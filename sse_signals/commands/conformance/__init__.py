"""``sse-signals conformance``: what any hub of Server-Sent Events does right."""
