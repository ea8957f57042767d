//! Diagnostics on standard error, off unless asked for with `-v`.

use tracing_subscriber::EnvFilter;

use crate::ui::Above;

/// Starts logging at a verbosity: the number of `-v`.
///
/// Crates of others stop at debug: the AWS SDK writes whole answers at trace, and those hold
/// session tokens.
pub(crate) fn init(verbosity: u8) {
    let (ours, others) = match verbosity {
        0 => return,
        1 => ("info", "warn"),
        2 => ("debug", "warn"),
        3 => ("trace", "info"),
        _ => ("trace", "debug"),
    };
    let filter = EnvFilter::new(format!(
        "{others},adit={ours},adit_aws={ours},adit_tunnel={ours},adit_engine={ours},adit_wire={ours},adit_lab={ours}"
    ));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(Above::default)
        .with_ansi(anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never)
        .init();
}
