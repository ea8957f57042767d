//! What a new bastion is told to do at its first boot: to install the timer that stops it.
//!
//! Files and one `systemctl` are all it takes: no package, no tag, no AWS call.

use std::num::NonZeroU16;

/// How a bastion ends its days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UserDataOptions {
    /// How many minutes without bytes of a session until it stops itself.
    pub(crate) idle_minutes: NonZeroU16,
    /// Whether it is brought up to date before it stops, once a day.
    pub(crate) patch: bool,
}

/// A text in the `#cloud-config` format, before it is encoded; EC2 takes 16 KiB.
pub(crate) fn user_data(options: &UserDataOptions) -> String {
    let UserDataOptions { idle_minutes, patch } = options;
    let patch = if *patch { "yes" } else { "no" };
    let options =
        format!("[Service]\nEnvironment=ADIT_IDLE_MINUTES={idle_minutes} ADIT_PATCH={patch}\n");
    let files = [
        ("/usr/local/sbin/adit-idle", "0755", include_str!("user_data/adit-idle.sh")),
        ("/usr/local/sbin/adit-patch", "0755", include_str!("user_data/adit-patch.sh")),
        (
            "/etc/systemd/system/adit-idle.service",
            "0644",
            include_str!("user_data/adit-idle.service"),
        ),
        ("/etc/systemd/system/adit-idle.service.d/options.conf", "0644", &options),
        ("/etc/systemd/system/adit-idle.timer", "0644", include_str!("user_data/adit-idle.timer")),
        (
            "/etc/systemd/system/adit-patch.service",
            "0644",
            include_str!("user_data/adit-patch.service"),
        ),
    ]
    .map(|(path, mode, content)| file(path, mode, content))
    .concat();
    format!(
        "#cloud-config\nwrite_files:\n{files}runcmd:\n- [systemctl, enable, --now, adit-idle.timer]\n"
    )
}

/// An entry of `write_files`.
fn file(path: &str, mode: &str, content: &str) -> String {
    let lines: String = content.lines().flat_map(|line| ["    ", line, "\n"]).collect();
    format!("- path: {path}\n  permissions: '{mode}'\n  content: |\n{lines}")
}
