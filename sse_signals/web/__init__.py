"""The hub over HTTP: publish, stream, health. Every error is a problem document that says what to do."""
