//! What is printed, and where.

mod event;
mod printer;

pub(crate) use event::Event;
pub(crate) use printer::{Output, Printer};
