//! Bastions of the cloud: when their agents are online, and what they reach.
