//! The rows, by theme.

mod agent;
mod api;
mod bastion;
mod destination;
mod gateway;
mod messages;
mod network;
mod process;
mod session;
mod websocket;

pub(crate) use self::process::INSTALLED;
use crate::row::Row;

pub(crate) fn all() -> impl Iterator<Item = &'static Row> {
    [
        websocket::ROWS,
        gateway::ROWS,
        api::ROWS,
        agent::ROWS,
        messages::ROWS,
        destination::ROWS,
        session::ROWS,
        bastion::ROWS,
        process::ROWS,
        network::ROWS,
    ]
    .into_iter()
    .flatten()
}
