//! The message gateway: sessions, and the legs that relay between their two sides.

mod buffer;
mod channel;
mod cloud;
mod control;
pub(crate) mod counts;
pub(crate) mod instance;
pub(crate) mod leg;
mod lifecycle;
pub(crate) mod notice;
mod relay;
pub(crate) mod seam;
pub(crate) mod session;
mod sides;
pub(crate) mod slot;
mod token;
mod websocket;

pub(crate) use channel::serve as serve_data_channel;
pub(crate) use control::serve as serve_control_channel;
pub(crate) use seam::Located;
