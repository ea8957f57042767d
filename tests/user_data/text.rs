//! The text itself, as the programs that will read it see it.

use std::path::Path;
use std::process::{Command, Output};

use crate::host::{files, options};
use crate::stories::Story;
use crate::user_data::user_data;

pub(crate) const STORIES: &[Story] = &[
    ("is_well_below_what_ec2_takes", is_well_below_what_ec2_takes),
    ("installs_nothing_and_calls_nobody", installs_nothing_and_calls_nobody),
];

/// What EC2 takes, before the text is encoded.
///
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-add-user-data.html>
const LIMIT: usize = 16 * 1024;

/// Stories that need a program.
pub(crate) const CHECKED_BY: [(&str, &[Story]); 3] = [
    ("cloud-init", &[("cloud_init_takes_it", cloud_init_takes_it)]),
    ("systemd-analyze", &[("systemd_takes_the_units", systemd_takes_the_units)]),
    ("shellcheck", &[("shellcheck_takes_the_scripts", shellcheck_takes_the_scripts)]),
];

fn is_well_below_what_ec2_takes() {
    let len = user_data(&options(u16::MAX, true)).len();
    assert!(len <= LIMIT / 4 * 3, "{len} bytes");
}

fn installs_nothing_and_calls_nobody() {
    let text = user_data(&options(30, true));
    for word in ["packages:", "package_", "dnf install", "aws ", "http://", "curl", "create-tags"] {
        assert!(!text.contains(word), "{word}");
    }
    let (_, commands) = text.split_once("\nruncmd:\n").expect("commands at the end");
    assert_eq!(commands, "- [systemctl, enable, --now, adit-idle.timer]\n");
}

fn cloud_init_takes_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("user-data");
    std::fs::write(&file, user_data(&options(30, true))).expect("a file");
    passes(Command::new("cloud-init").args(["schema", "--config-file"]).arg(file));
}

fn systemd_takes_the_units() {
    let folder = installed();
    let verify = ["verify", "--recursive-errors=no", "--man=no"];
    let output = passes(
        Command::new("systemd-analyze")
            .args(verify)
            .args(["adit-idle.timer", "adit-idle.service", "adit-patch.service"])
            .current_dir(folder.path().join("etc/systemd/system")),
    );
    // What it does not know it only mentions.
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.is_empty(), "{said}");
}

fn shellcheck_takes_the_scripts() {
    let folder = installed();
    let scripts = Path::new("usr/local/sbin");
    passes(
        Command::new("shellcheck")
            .args([scripts.join("adit-idle"), scripts.join("adit-patch")])
            .current_dir(folder.path()),
    );
    let stand_ins = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/user_data/stand-ins");
    let stand_ins =
        std::fs::read_dir(stand_ins).expect("stand-ins").map(|entry| entry.expect("one").path());
    passes(Command::new("shellcheck").args(stand_ins));
}

/// The files at their places below a folder; units name programs there.
fn installed() -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = folder.path().to_str().expect("UTF-8");
    for (path, mode, content) in files(&user_data(&options(30, true))) {
        let place = folder.path().join(path.trim_start_matches('/'));
        std::fs::create_dir_all(place.parent().expect("a folder")).expect("its folder");
        let content = content.replace("=/usr/local/", &format!("={root}/usr/local/"));
        std::fs::write(&place, content).expect("a file");
        let mode = u32::from_str_radix(&mode, 8).expect("an octal mode");
        std::fs::set_permissions(&place, std::fs::Permissions::from_mode(mode)).expect("its mode");
    }
    folder
}

fn passes(command: &mut Command) -> Output {
    let output = command.output().expect("the program");
    let said = [&output.stdout[..], &output.stderr].concat();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&said));
    output
}
