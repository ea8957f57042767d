//! A local AWS: SSM API, message gateway and agent on loopback.
