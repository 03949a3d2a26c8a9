"""The bytes on the wire: Server-Sent Events and JSON lines, encoding and decoding, without any input or output."""
