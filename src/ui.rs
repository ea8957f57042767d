//! What is printed, and where.

mod event;
mod printer;
mod units;

pub(crate) use event::Event;
pub(crate) use printer::{Output, Printer};
pub(crate) use units::{size, span};
