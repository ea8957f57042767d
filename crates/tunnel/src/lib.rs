//! The tokio shell around the engine: dial, driver, listener, pumps.
