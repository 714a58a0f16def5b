"""Name resolution: questions over UDP, TCP, TLS and HTTPS, and by the system's resolver; each an observation."""
