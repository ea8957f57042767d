//! Counts what the engine allocates.
fn main() {}
