//! The Session Manager session as a sans-IO state machine.
