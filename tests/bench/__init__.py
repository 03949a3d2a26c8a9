"""The benchmark: the hub beside its peers, on this machine, in one call. See RESULTS.md, and run ./tests/bench/run."""
