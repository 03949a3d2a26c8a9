"""What the hub says of itself for programs: an OpenAPI document of its requests, an AsyncAPI document of its events."""
