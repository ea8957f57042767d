//! What is printed, and where.

mod event;
pub(crate) mod plain;
mod printer;
mod stdout;
mod units;

pub(crate) use event::Event;
pub(crate) use printer::{Output, Printer};
pub(crate) use units::{size, span};
