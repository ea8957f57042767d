//! A local AWS on loopback: SSM API, message gateway and agent.
//!
//! [`Lab::start`] binds one port that answers the SSM operations of sessions and instances, the
//! gateway's channels and websockets, and the lab's own controls below `/_lab/`. Each emulated
//! instance has an agent that runs inside; the official agent can connect as well.
//!
//! What the real service refuses is refused, signatures are checked, and [`Faults`] makes go
//! wrong what goes wrong in reality.

mod agent;
mod api;
mod calls;
mod clock;
mod cloud;
mod config;
mod controls;
mod entropy;
mod error;
mod faults;
mod gateway;
mod http;
mod identity;
mod keys;
mod lab;
mod open;
mod policy;
mod service;
mod state;
mod totp;

pub use agent::config::{Pace, Quirks};
pub use calls::ApiCall;
pub use cloud::faults::{HoldCall, When};
pub use config::{DEFAULT_INSTANCE, HostPort, LabConfig, ParseHostPortError, TlsConfig};
pub use error::{ControlError, LabError};
pub use faults::{FaultError, FaultRequest, Faults, Power, Sides};
pub use gateway::slot::Side;
#[doc(hidden)]
pub use http::in_process::InProcess;
pub use keys::Credentials;
pub use lab::Lab;
pub use state::{Counts, InstanceState, SessionState, State};
