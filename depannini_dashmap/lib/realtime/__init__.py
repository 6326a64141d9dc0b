"""WebSockets: the channel layer, the consumer base, frames, handshakes and limits."""
