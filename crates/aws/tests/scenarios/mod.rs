//! Stories of one bastion and those who use it.

mod again;
mod cleanup;
mod names;
mod sessions;
mod weather;
