"""The LTI 1.3 side: launches, keys and Advantage services, behind plain values."""
