//! The one HTTP server: API, channels and the lab's own controls.

mod answer;
mod authenticate;
mod controls;
pub(crate) mod in_process;
mod route;
mod server;
mod sigv4;
mod socket;
mod tls;
mod upgrade;

pub(crate) use answer::ApiError;
pub(crate) use server::{Listener, accept};
pub(crate) use socket::Socket;
pub(crate) use tls::Authority;
