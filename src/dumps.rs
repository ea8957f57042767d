//! No core dump of a process that holds secrets, where the system lets it be so.

/// Lets nothing of this process's memory be written to a file when it crashes, or be read by other
/// programs of the same user. Where that is refused it goes on: it is a precaution.
pub(crate) fn off() {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let done =
        rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    #[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
    let done = rustix::process::setrlimit(
        rustix::process::Resource::Core,
        rustix::process::Rlimit { current: Some(0), maximum: Some(0) },
    );
    #[cfg(unix)]
    if let Err(error) = done {
        tracing::debug!(%error, "core dumps cannot be turned off");
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use rustix::process::{DumpableBehavior, dumpable_behavior};

    #[test]
    fn the_process_is_not_dumped() {
        super::off();
        assert_eq!(dumpable_behavior(), Ok(DumpableBehavior::NotDumpable));
    }
}
