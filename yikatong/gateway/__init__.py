"""What terminals call: authorise, upload taps, fetch the trust and deny lists. ASGI, without Django."""
