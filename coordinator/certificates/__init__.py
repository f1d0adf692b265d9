"""The certificate file: what was rehearsed, sealed and signed."""
