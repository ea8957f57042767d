//! The message gateway: sessions, and the legs that relay between their two sides.

pub(crate) mod leg;
pub(crate) mod seam;
