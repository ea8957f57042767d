//! Whose credentials are used: each source, codes, and what is refused.

mod codes;
mod demands;
mod leaks;
mod outside;
mod sign_on;
mod sources;
