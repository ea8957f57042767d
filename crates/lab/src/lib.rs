//! A local AWS: SSM API, message gateway and agent on loopback.

mod agent;
mod config;
mod gateway;

pub use agent::config::{Pace, Quirks};
pub use config::{DEFAULT_INSTANCE, HostPort, LabConfig, ParseHostPortError, TlsConfig};
