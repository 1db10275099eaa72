"""What HTTP says of requests and responses (RFC 9110), in no framework's terms."""
