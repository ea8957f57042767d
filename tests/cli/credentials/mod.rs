//! Whose credentials are used: each source, codes, and what is refused.

mod codes;
mod demands;
mod leaks;
mod sign_on;
mod sources;
